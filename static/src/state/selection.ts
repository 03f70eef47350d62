// What is chosen, everywhere at once: queue, board, map and inspector read and
// write this one signal.
import { createSignal } from "solid-js";

export type Chosen = { kind: "visit" | "worker"; id: string };

const [chosen, setChosen] = createSignal<Chosen | null>(null);
export { chosen };

/** Where a choice came from, so that the others may scroll to it and it may not. */
export type Origin = "queue" | "board" | "map" | "keys" | "search" | "inspector";
const [origin, setOrigin] = createSignal<Origin | null>(null);
export { origin };

export function choose(next: Chosen | null, from: Origin): void {
  setOrigin(from);
  const held = chosen();
  if (held?.kind === next?.kind && held?.id === next?.id) return;
  setChosen(next);
}
export function isChosen(kind: Chosen["kind"], id: string): boolean {
  const held = chosen();
  return held !== null && held.kind === kind && held.id === id;
}

const [hovered, setHovered] = createSignal<Chosen | null>(null);
export { hovered, setHovered };
