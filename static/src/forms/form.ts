// The state of one form: what was typed, what is wrong with each field, and
// sending. Faults from the API find their field by JSON pointer.
import { createSignal } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { ApiFailure } from "../api/http";
import { m } from "../messages";
import { inWords } from "../state/notices";

export type Faults = Record<string, string>;

export interface Form<V extends object> {
  values: V;
  set: <K extends keyof V>(key: K, value: V[K]) => void;
  fault: (field: string) => string | undefined;
  general: () => string | undefined;
  busy: () => boolean;
  /** Checks, sends, and keeps everything typed if it is refused. */
  send: (check: () => Faults, work: () => Promise<void>) => Promise<void>;
}

/** `fields` are pointers below `/data/attributes`, as `owner/email`. */
export function createForm<V extends object>(initial: V, fields: string[]): Form<V> {
  const [values, setValues] = createStore<V>(initial);
  const [faults, setFaults] = createStore<{ at: Faults }>({ at: {} });
  const [general, setGeneral] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);

  const show = (next: Faults, text?: string) => {
    setFaults("at", reconcile(next));
    setGeneral(text);
    if (Object.keys(next).length) queueMicrotask(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  return {
    values,
    set: (key, value) => setValues(key as never, value as never),
    fault: (field) => faults.at[field],
    general,
    busy,
    send: async (check, work) => {
      if (busy()) return;
      const wrong = check();
      if (Object.keys(wrong).length) return show(wrong);
      setBusy(true);
      show({});
      try {
        await work();
      } catch (error) {
        const sorted = sortFaults(error, fields);
        show(sorted.at, sorted.rest);
      } finally {
        setBusy(false);
      }
    },
  };
}

/** Which fault belongs to which field; those of no field are told above the form. */
export function sortFaults(error: unknown, fields: string[]): { at: Faults; rest?: string } {
  if (!(error instanceof ApiFailure)) {
    console.error(error);
    return { at: {}, rest: m.error.UNKNOWN };
  }
  const at: Faults = {};
  const rest: string[] = [];
  for (const one of error.errors) {
    const pointer = (one.source?.pointer ?? "").replace(/^\/(data\/)?(attributes\/)?/, "");
    const field = fields.filter((name) => pointer === name || pointer.startsWith(`${name}/`)).sort((a, b) => b.length - a.length)[0]
      ?? (pointer ? fields.find((name) => name.startsWith(`${pointer}/`)) : undefined);
    const words = one.code === "VALIDATION_ERROR" ? (one.detail ?? one.title ?? m.error.VALIDATION_ERROR!)
      : (m.error[one.code] ?? one.detail ?? one.title ?? m.error.UNKNOWN!);
    if (field) at[field] = at[field] ? `${at[field]} ${words}` : words;
    else rest.push(words);
  }
  if (rest.length) return { at, rest: error.errors.length === rest.length && rest.length === 1 ? fallback(error, rest[0]!) : rest.join(" ") };
  return { at };
}

function fallback(error: ApiFailure, words: string): string {
  return error.status >= 500 ? inWords(error) : words;
}

export function listOf(text: string): string[] {
  return [...new Set(text.split(/[,;]/).map((one) => one.trim()).filter(Boolean))];
}

/** Leaves out what was left empty. */
export function filled<T extends Record<string, unknown>>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value != null)) as Partial<T>;
}
