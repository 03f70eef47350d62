// How this browser likes the console: theme, zoom, and which panel a phone
// shows. Kept in localStorage, known to nobody else.
import { createEffect, createRoot, createSignal } from "solid-js";

export type Panel = "queue" | "board" | "map";
type Theme = "light" | "dark";

const system = window.matchMedia("(prefers-color-scheme: dark)");
const [systemDark, setSystemDark] = createSignal(system.matches);
system.addEventListener("change", (event) => setSystemDark(event.matches));

const [ownTheme, setOwnTheme] = createSignal<Theme | null>(stored("muster.theme") as Theme | null);
export const theme = (): Theme => ownTheme() ?? (systemDark() ? "dark" : "light");

export function toggleTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  setOwnTheme(next);
  store("muster.theme", next);
}

const [hourWidth, setHourWidthRaw] = createSignal(Number(stored("muster.hourWidth")) || 104);
export { hourWidth };
export function zoomBoard(factor: number): void {
  const next = Math.min(240, Math.max(32, Math.round(hourWidth() * factor)));
  setHourWidthRaw(next);
  store("muster.hourWidth", String(next));
}

// Letters as commands must be possible to turn off: dictation and shaky hands type them by accident.
const [singleKeys, setSingleKeys] = createSignal(stored("muster.singleKeys") !== "off");
export { singleKeys };
export function useSingleKeys(on: boolean): void {
  setSingleKeys(on);
  store("muster.singleKeys", on ? "on" : "off");
}

const phone = window.matchMedia("(max-width: 720px)");
const [onPhone, setOnPhone] = createSignal(phone.matches);
phone.addEventListener("change", (event) => setOnPhone(event.matches));
/** The width of the names beside the lanes. */
export const headWidth = (): number => (onPhone() ? 124 : 184);

export const [panel, setPanel] = createSignal<Panel>("board");
export const calm = (): boolean => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

createRoot(() => {
  createEffect(() => {
    document.documentElement.dataset.theme = theme();
  });
});

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}
