// What the console says aloud: the live region for screen readers, and toasts
// for everybody. Nothing here waits for an answer.
import { createSignal } from "solid-js";
import { ApiFailure } from "../api/http";
import { m } from "../messages";

export interface Toast { id: number; text: string; tone: "plain" | "bad"; action?: { label: string; run: () => void } }

const [toasts, setToasts] = createSignal<Toast[]>([]);
const [announcement, setAnnouncement] = createSignal("");
export { toasts, announcement };

let nextId = 1;

export function announce(text: string): void {
  // A repeated sentence must change the text to be read again.
  setAnnouncement((held) => (held === text ? `${text}\u00a0` : text));
}

export function say(text: string, action?: Toast["action"]): void {
  push({ id: nextId++, text, tone: "plain", action }, 6_000);
}
export function complain(text: string): void {
  push({ id: nextId++, text, tone: "bad" }, 9_000);
}
export function dismiss(id: number): void {
  setToasts((list) => list.filter((toast) => toast.id !== id));
}

function push(toast: Toast, lifeMs: number): void {
  announce(toast.text);
  // Only the latest change can be undone, so only its toast may offer it.
  setToasts((list) => [...list.filter((one) => !(toast.action && one.action)).slice(-2), toast]);
  setTimeout(() => dismiss(toast.id), lifeMs);
}

/** A failure in words: ours where we have them, the server's otherwise. */
export function inWords(error: unknown): string {
  if (!(error instanceof ApiFailure)) return m.error.UNKNOWN!;
  const first = error.errors[0];
  const words = m.error[error.code] ?? first?.detail ?? first?.title ?? m.error.UNKNOWN!;
  return error.status >= 500 && first?.id ? `${words} ${m.reference(first.id)}` : words;
}
