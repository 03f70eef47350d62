// Labelled fields that show their own fault. The name of a field is its
// pointer in the API.
import { createMemo, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { m } from "../messages";
import type { Form } from "./form";

interface Base { name: string; label: string; hint?: string; optional?: boolean; fault?: string }

export function Labelled(props: Base & { children: (id: string, describedBy: string | undefined) => JSX.Element; class?: string }): JSX.Element {
  const id = createUniqueId();
  const describedBy = () => (props.fault ? `${id}-fault` : props.hint ? `${id}-hint` : undefined);
  return (
    <div class={`field ${props.class ?? ""}`} data-field={props.name}>
      <label for={id}>{props.label}</label>
      {props.children(id, describedBy())}
      <Show when={props.hint && !props.fault}><p class="hint" id={`${id}-hint`}>{props.hint}</p></Show>
      <Show when={props.fault}><p class="field-error" id={`${id}-fault`} role="alert">{props.fault}</p></Show>
    </div>
  );
}

export function TextField(props: Base & {
  value: string; onInput: (value: string) => void; type?: string; autocomplete?: string; autofocus?: boolean; class?: string;
  inputmode?: "text" | "email" | "tel" | "numeric";
}): JSX.Element {
  return (
    <Labelled name={props.name} label={props.label} hint={props.hint} fault={props.fault} class={props.class}>
      {(id, describedBy) => (
        <input id={id} name={props.name} type={props.type ?? "text"} value={props.value} autocomplete={props.autocomplete ?? "off"}
          inputmode={props.inputmode} data-autofocus={props.autofocus ? "" : undefined} aria-invalid={props.fault ? "true" : undefined}
          aria-describedby={describedBy} onInput={(event) => props.onInput(event.currentTarget.value)} />
      )}
    </Labelled>
  );
}

export function SelectField(props: Base & {
  value: string; onInput: (value: string) => void; options: { value: string; label: string }[]; placeholder?: string; class?: string;
}): JSX.Element {
  return (
    <Labelled name={props.name} label={props.label} hint={props.hint} fault={props.fault} class={props.class}>
      {(id, describedBy) => (
        <select id={id} name={props.name} aria-invalid={props.fault ? "true" : undefined} aria-describedby={describedBy}
          onChange={(event) => props.onInput(event.currentTarget.value)}>
          <Show when={props.placeholder !== undefined}><option value="" selected={props.value === ""}>{props.placeholder}</option></Show>
          <For each={props.options}>{(one) => <option value={one.value} selected={one.value === props.value}>{one.label}</option>}</For>
        </select>
      )}
    </Labelled>
  );
}

/** A text box that narrows a list; what is chosen shows as the text. */
export function PickField(props: Base & {
  value: string; onPick: (value: string) => void; options: { value: string; label: string; note?: string }[]; placeholder?: string; autofocus?: boolean;
}): JSX.Element {
  const [text, setText] = createSignal<string | null>(null);
  const [active, setActive] = createSignal(0);
  const listId = createUniqueId();
  const chosenLabel = () => props.options.find((one) => one.value === props.value)?.label ?? "";
  const matches = createMemo(() => {
    const needle = (text() ?? "").toLowerCase();
    return props.options.filter((one) => `${one.label} ${one.note ?? ""}`.toLowerCase().includes(needle)).slice(0, 50);
  });
  const pick = (value: string) => {
    props.onPick(value);
    setText(null);
  };
  const keys = (event: KeyboardEvent) => {
    if (text() === null) {
      if (event.key === "ArrowDown") setText("");
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setActive((n) => Math.max(0, Math.min(matches().length - 1, n + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter" && matches()[active()]) {
      event.preventDefault();
      pick(matches()[active()]!.value);
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      setText(null);
    }
  };
  return (
    <Labelled name={props.name} label={props.label} hint={props.hint} fault={props.fault} class="pick">
      {(id, describedBy) => (
        <div class="pick-box">
          <input id={id} name={props.name} role="combobox" aria-expanded={text() !== null} aria-controls={listId} aria-autocomplete="list" autocomplete="off"
            aria-invalid={props.fault ? "true" : undefined} aria-describedby={describedBy} placeholder={props.placeholder}
            data-autofocus={props.autofocus ? "" : undefined} value={text() ?? chosenLabel()}
            onClick={() => text() === null && setText("")} onInput={(event) => { setText(event.currentTarget.value); setActive(0); }}
            onKeyDown={keys} onBlur={() => setText(null)} />
          <Show when={text() !== null}>
            <ul class="pick-list" role="listbox" id={listId}>
              <For each={matches()} fallback={<li class="pick-none">{m.header.nothingFound}</li>}>{(one, index) => (
                <li role="option" aria-selected={index() === active()} data-value={one.value}
                  onPointerDown={(event) => { event.preventDefault(); pick(one.value); }}>
                  <span>{one.label}</span><Show when={one.note}><small>{one.note}</small></Show>
                </li>
              )}</For>
            </ul>
          </Show>
        </div>
      )}
    </Labelled>
  );
}

export function FormFault(props: { form: Form<never> | Form<any> }): JSX.Element {
  return <Show when={props.form.general()}><p class="form-error" role="alert">{props.form.general()}</p></Show>;
}

export function Buttons(props: { busy: boolean; label: string; onCancel: () => void }): JSX.Element {
  return (
    <>
      <button type="button" class="ghost" onClick={() => props.onCancel()}>{m.dialog.cancel}</button>
      <button type="submit" class="primary" disabled={props.busy} aria-busy={props.busy}>{props.label}</button>
    </>
  );
}
