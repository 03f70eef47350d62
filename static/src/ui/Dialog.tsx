// A modal dialog on the browser's own <dialog>: focus, Escape and the inert
// page behind it come from there.
import { onCleanup, onMount, type JSX } from "solid-js";
import { m } from "../messages";
import { Icon } from "./Icon";

interface Props {
  title: string;
  onClose: () => void;
  children: JSX.Element;
  footer?: JSX.Element;
  /** Makes the dialog a form: Enter and the primary button submit it. */
  onSubmit?: () => void;
  wide?: boolean;
  name?: string;
}

export function Dialog(props: Props): JSX.Element {
  let element!: HTMLDialogElement;
  onMount(() => {
    element.showModal();
    element.querySelector<HTMLElement>("[data-autofocus], .dialog-body input, .dialog-body select, .dialog-body textarea")?.focus();
  });
  onCleanup(() => {
    // Closing gives the focus back; if what had it is gone, the board's own stop takes it.
    element.close();
    queueMicrotask(() => {
      if (document.activeElement === document.body) document.querySelector<HTMLElement>("[data-stop][tabindex='0']")?.focus({ preventScroll: true });
    });
  });
  const submit = (event: Event) => {
    event.preventDefault();
    props.onSubmit?.();
  };
  return (
    <dialog ref={element} class="dialog" classList={{ wide: props.wide }} aria-label={props.title} data-dialog={props.name}
      onCancel={(event) => { event.preventDefault(); props.onClose(); }}>
      <form novalidate onSubmit={submit} autocomplete="off">
        <header class="dialog-head">
          <h2>{props.title}</h2>
          <button type="button" class="ghost square" aria-label={m.dialog.close} onClick={() => props.onClose()}>
            <Icon name="cross" />
          </button>
        </header>
        <div class="dialog-body">{props.children}</div>
        {props.footer && <footer class="dialog-foot">{props.footer}</footer>}
      </form>
    </dialog>
  );
}
