// "Ana is moving this": tells the others which visit is in one's hand, and
// knows which ones are in theirs. A hold is a courtesy, never a lock.
import { createSignal } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { m } from "../messages";
import { floor, visitTitle } from "./floor";
import { announce } from "./notices";

/** Twice in the time after which the server lets go by itself. */
const RENEW_MS = 5_000;
/** A badge that nobody renewed is taken off, should its release have been lost. */
const FORGET_MS = 20_000;

export interface Holder { userId: string; name: string }
interface Sender { hold: (visitId: string) => void; release: (visitId: string) => void }

let sender: Sender | null = null;
const mine = new Map<string, ReturnType<typeof setInterval>>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
const [others, setOthers] = createStore<Record<string, string>>({});
const [holding, setHolding] = createSignal<string | null>(null);
/** The visit in one's own hand. */
export { holding };

export function holdThrough(next: Sender | null): void {
  for (const id of [...mine.keys()]) release(id);
  sender = next;
  setOthers(reconcile({}));
}

export function hold(visitId: string): void {
  if (mine.has(visitId)) return;
  sender?.hold(visitId);
  mine.set(visitId, setInterval(() => sender?.hold(visitId), RENEW_MS));
  setHolding(visitId);
}

export function release(visitId: string): void {
  const timer = mine.get(visitId);
  if (timer === undefined) return;
  clearInterval(timer);
  mine.delete(visitId);
  sender?.release(visitId);
  setHolding([...mine.keys()][0] ?? null);
}

/** Whose hand a visit is in, if it is not one's own. */
export function heldBy(visitId: string): string | undefined {
  return others[visitId];
}

/** What the stream says of a visit; `null` is that nobody holds it any more. */
export function told(visitId: string, by: Holder | null): void {
  clearTimeout(timers.get(visitId));
  timers.delete(visitId);
  const name = by && by.userId !== floor.me?.id ? by.name : undefined;
  if (name) timers.set(visitId, setTimeout(() => told(visitId, null), FORGET_MS));
  if (others[visitId] === name) return;
  setOthers(visitId, name as never);
  if (name) announce(`${m.holds.moving(name)}: ${visitTitle(floor.visits[visitId])}`);
}

/** After a break in the connection nothing that was said about hands is certain. */
export function forgetHolds(): void {
  for (const timer of timers.values()) clearTimeout(timer);
  timers.clear();
  setOthers(reconcile({}));
}
