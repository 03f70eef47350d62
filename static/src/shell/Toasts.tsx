// Toasts, and the live region that says the same to screen readers.
import { For, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { announcement, dismiss, toasts } from "../state/notices";
import { Icon } from "../ui/Icon";

export function Toasts(): JSX.Element {
  return (
    <>
      <div class="sr-only" role="status" aria-live="polite" data-announcer>{announcement()}</div>
      <div class="toasts">
        <For each={toasts()}>{(toast) => (
          <div class="toast" data-tone={toast.tone}>
            <Icon name={toast.tone === "bad" ? "alert" : "check"} />
            <span>{toast.text}</span>
            <Show when={toast.action}>{(action) => (
              <button type="button" class="toast-action" onClick={() => { dismiss(toast.id); action().run(); }}>{action().label}</button>
            )}</Show>
            <button type="button" class="toast-close" aria-label={m.dialog.close} onClick={() => dismiss(toast.id)}><Icon name="cross" size={14} /></button>
          </div>
        )}</For>
      </div>
    </>
  );
}
