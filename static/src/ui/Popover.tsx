// A button with a panel under it, for more than a list of commands. Escape,
// a click elsewhere, or what is inside closes it.
import { createSignal, createUniqueId, onCleanup, onMount, Show, type JSX } from "solid-js";

interface Props { label: string; title: string; button: JSX.Element; class: string; children: (close: () => void) => JSX.Element }

export function Popover(props: Props): JSX.Element {
  const [shown, setShown] = createSignal(false);
  const id = createUniqueId();
  let box!: HTMLDivElement;
  const close = () => {
    setShown(false);
    box.querySelector("button")?.focus();
  };
  const outside = (event: Event) => !box.contains(event.target as Node) && setShown(false);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !shown()) return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  onMount(() => document.addEventListener("pointerdown", outside));
  onCleanup(() => document.removeEventListener("pointerdown", outside));
  return (
    <div class={`menu ${props.class}`} ref={box} onKeyDown={keys}>
      <button type="button" class="popover-button" aria-expanded={shown()} aria-controls={shown() ? id : undefined} aria-label={props.label} title={props.label}
        onClick={() => setShown(!shown())}>{props.button}</button>
      <Show when={shown()}>
        <section class="menu-list popover" id={id} aria-label={props.title}><h2>{props.title}</h2>{props.children(close)}</section>
      </Show>
    </div>
  );
}
