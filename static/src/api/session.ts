// The tokens of whoever is signed in, shared by all tabs through localStorage.
// It does not talk to the server: http.ts does.
import { createSignal } from "solid-js";

export interface Tokens { accessToken: string; refreshToken: string; expiresAt: number }

const KEY = "muster.session";

function read(): Tokens | null {
  try {
    const text = localStorage.getItem(KEY);
    return text ? (JSON.parse(text) as Tokens) : null;
  } catch {
    return null;
  }
}

const [tokens, setTokens] = createSignal<Tokens | null>(read());
export { tokens };

export function keepTokens(next: Tokens | null): void {
  try {
    if (next) localStorage.setItem(KEY, JSON.stringify(next));
    else localStorage.removeItem(KEY);
  } catch {
    // Storage may be forbidden; the session then lasts as long as the page.
  }
  setTokens(next);
}

/** What another tab may have stored since: a rotated pair must not be rotated twice. */
export function freshestTokens(): Tokens | null {
  const stored = read();
  const mine = tokens();
  if (stored && stored.accessToken !== mine?.accessToken) setTokens(stored);
  return stored ?? mine;
}

if (typeof window !== "undefined") {
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) setTokens(read());
  });
}
