// What the stream tells only of the part of the world that the map looks at:
// crowds counted from afar, and who has gone out of sight.
import { createSignal } from "solid-js";
import type { Cluster } from "../stream";

export type Crowd = Cluster;

const crowds = new Map<string, Crowd>();
const away = new Set<string>();
const [crowdBeat, setCrowdBeat] = createSignal(0);

export function allCrowds(): Crowd[] {
  crowdBeat();
  return [...crowds.values()];
}
/** Known, but no longer where the map looks: where he was seen last is where he is not. */
export const isAway = (id: string): boolean => away.has(id);

export function replaceCrowds(next: Crowd[]): void {
  if (!next.length && !crowds.size) return;
  crowds.clear();
  changeCrowds(next, []);
}
export function changeCrowds(up: Crowd[], rm: string[]): void {
  if (!up.length && !rm.length) return;
  for (const id of rm) crowds.delete(id);
  for (const one of up) crowds.set(one.id, one);
  setCrowdBeat((n) => n + 1);
}

export function cameIntoSight(ids: string[]): void {
  for (const id of ids) away.delete(id);
}
export function wentOutOfSight(ids: string[]): void {
  for (const id of ids) away.add(id);
}
export function forgetSight(): void {
  away.clear();
  crowds.clear();
  setCrowdBeat((n) => n + 1);
}
