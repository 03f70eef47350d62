// The address after "#/": sign-up or the console, and the day shown.
import { createSignal } from "solid-js";

const read = () => location.hash.replace(/^#\/?/, "");
const [hash, setHash] = createSignal(read());
window.addEventListener("hashchange", () => setHash(read()));

export const route = (): string => hash().split("/")[0] ?? "";
export function goTo(path: string): void {
  location.hash = `#/${path}`;
}

/** `#/day/2026-12-01` */
export function routedDate(): string | null {
  const [name, date] = hash().split("/");
  return name === "day" && date && /^\d{4}-\d{2}-\d{2}$/.test(date) ? date : null;
}
