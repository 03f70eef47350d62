// Dragging visits with any pointer: from the queue or a lane to a lane, along
// it, back to the queue, and by the edge to resize. Plain pointer events.
import { createSignal } from "solid-js";
import type { Visit, Worker } from "../api/types";
import { m } from "../messages";
import { assignedLane, derived, endOf, floor, mayBePlaced, startOf, visitTitle, workerName, zone } from "../state/floor";
import { announce } from "../state/notices";
import { headWidth, hourWidth } from "../state/preferences";
import { place, unassign } from "../state/actions";
import type { Placing } from "../state/clash";
import { hold, release } from "../state/holds";
import { mayDispatch } from "../state/may";
import { foretell, type Verdict } from "../state/trial";
import { clock, snap, type Span } from "../time";
import { misfits, type Misfit } from "./fit";

export const SNAP_MINUTES = 15;
const START_PX = 5;
const HOLD_MS = 280;
const DEFAULT_LENGTH_MS = 3_600_000;
const EDGE_PX = 40;
const DWELL_MS = 350;
const ASK_AFTER_MS = 140;

export type Target =
  | { kind: "lane"; workerId: string; span: Span; misfits: Misfit[]; verdict?: Verdict | null }
  | { kind: "queue" };
export interface Drag {
  visit: Visit;
  fromWorker: string | null;
  /** `keys` is a move by keyboard: there is a target and no pointer. */
  mode: "move" | "resize" | "keys";
  x: number;
  y: number;
  target: Target | null;
}

const [drag, setDrag] = createSignal<Drag | null>(null);
export { drag };

export const mayDrag = (visit: Visit): boolean => mayDispatch() && mayBePlaced(visit);

/** Begins on pointerdown; a press that does not travel stays a click. */
export function grab(event: PointerEvent, visit: Visit, fromWorker: string | null, mode: Drag["mode"] = "move"): void {
  if (event.button !== 0 || !mayDrag(visit) || drag()) return;
  const card = event.currentTarget as HTMLElement;
  const box = card.getBoundingClientRect();
  const axisFrom = derived.span().from;
  // Where in the visit it was taken hold of; from the queue, near its start.
  const grabMs = fromWorker ? ((event.clientX - box.left) / hourWidth()) * 3_600_000 + Math.max(0, axisFrom - startOf(visit)) : 0;
  const touch = event.pointerType === "touch";
  const origin = { x: event.clientX, y: event.clientY };
  let active = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let edgeSince = 0;

  const begin = (x: number, y: number) => {
    active = true;
    document.body.classList.add("dragging");
    window.getSelection()?.removeAllRanges();
    setDrag({ visit, fromWorker, mode, x, y, target: null });
    hold(visit.id);
    announce(m.said.dragging(visitTitle(visit)));
    frame = requestAnimationFrame(autoScroll);
  };
  const move = (next: PointerEvent) => {
    if (next.pointerId !== event.pointerId) return;
    if (!active) {
      const far = Math.hypot(next.clientX - origin.x, next.clientY - origin.y) >= START_PX;
      if (!far) return;
      if (touch) return end();
      begin(next.clientX, next.clientY);
    }
    next.preventDefault();
    update(next.clientX, next.clientY);
  };
  const update = (x: number, y: number) => {
    const held = drag();
    if (!held) return;
    const target = targetAt(held, x, y, grabMs);
    setDrag({ ...held, x, y, target: sameTarget(held.target, target) ? held.target : target });
    if (!sameTarget(held.target, target)) askSoon();
  };
  const autoScroll = () => {
    const held = drag();
    if (!held) return;
    // Passing over an edge is not asking to scroll; staying there is.
    const edge = edgeUnder(held.x, held.y);
    edgeSince = edge ? edgeSince || performance.now() : 0;
    if (edge && performance.now() - edgeSince > DWELL_MS) {
      edge.board.scrollBy(edge.dx, edge.dy);
      update(held.x, held.y);
    }
    frame = requestAnimationFrame(autoScroll);
  };
  const up = (next: PointerEvent) => {
    if (next.pointerId !== event.pointerId) return;
    const held = drag();
    const wasActive = active;
    end();
    if (wasActive) swallowClick();
    if (wasActive && held?.target) void drop(held, held.target);
  };
  const cancel = (next: Event) => {
    if (next instanceof KeyboardEvent && next.key !== "Escape") return;
    if (active) announce(m.said.dragCancelled);
    if (active && next instanceof KeyboardEvent) next.stopPropagation();
    end();
  };
  const noScroll = (next: TouchEvent) => active && next.preventDefault();
  const end = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    if (active) release(visit.id);
    active = false;
    document.body.classList.remove("dragging");
    setDrag(null);
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", up);
    window.removeEventListener("pointercancel", cancel);
    window.removeEventListener("keydown", cancel, true);
    window.removeEventListener("touchmove", noScroll);
  };

  window.addEventListener("pointermove", move, { passive: false });
  window.addEventListener("pointerup", up);
  window.addEventListener("pointercancel", cancel);
  window.addEventListener("keydown", cancel, true);
  window.addEventListener("touchmove", noScroll, { passive: false });
  if (touch) timer = setTimeout(() => begin(origin.x, origin.y), HOLD_MS);
}

/** A move by keyboard: shown like a drag, dropped by `dropKeys`. */
export function dragByKeys(visit: Visit, fromWorker: string | null, workerId: string, span: Span): void {
  const worker = floor.workers[workerId];
  if (!worker) return;
  hold(visit.id);
  setDrag({ visit, fromWorker, mode: "keys", x: 0, y: 0, target: { kind: "lane", workerId, span, misfits: foretold(visit, worker, span) } });
  askSoon();
}
export function endKeys(): Drag | null {
  const held = drag();
  if (held?.mode !== "keys") return null;
  clearTimeout(asking);
  setDrag(null);
  release(held.visit.id);
  return held;
}

let asking: ReturnType<typeof setTimeout> | undefined;
/** Asks the server about the place under the drag, once it has rested there. */
function askSoon(): void {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const target = drag()?.target;
    const visit = drag()?.visit;
    if (target?.kind !== "lane" || !visit) return;
    const verdict = await foretell(visit, placingFor(drag()!, target));
    const held = drag();
    if (!held || !sameTarget(held.target, target)) return;
    setDrag({ ...held, target: { ...target, verdict } });
    if (held.mode === "keys") announce(verdictWords(target, verdict));
  }, ASK_AFTER_MS);
}

export function verdictWords(target: Target & { kind: "lane" }, verdict: Verdict | null): string {
  const where = `${clock(target.span.from, zone())}–${clock(target.span.to, zone())}, ${workerName(floor.workers[target.workerId])}`;
  if (!verdict) return where;
  return `${where}: ${verdict.fits ? m.verdict.fits : verdict.reasons.join(" ")}`;
}

function sameTarget(a: Target | null, b: Target | null): boolean {
  if (a?.kind !== "lane" || b?.kind !== "lane") return a?.kind === b?.kind;
  return a.workerId === b.workerId && a.span.from === b.span.from && a.span.to === b.span.to;
}

function placingFor(held: Drag, target: Target & { kind: "lane" }): Placing {
  return {
    startsAt: new Date(target.span.from).toISOString(), endsAt: new Date(target.span.to).toISOString(),
    workerIds: assignedLane(held.visit, held.fromWorker, target.workerId),
  };
}

function targetAt(held: Drag, x: number, y: number, grabMs: number): Target | null {
  const under = document.elementFromPoint(x, y);
  if (held.mode === "resize") return resized(held, x);
  if (under?.closest("[data-queue]")) return { kind: "queue" };
  const track = under?.closest<HTMLElement>("[data-lane]");
  const worker = track ? floor.workers[track.dataset.lane!] : undefined;
  if (!track || !worker) return null;
  const at = instantUnder(track, x) - grabMs;
  const from = snap(at, SNAP_MINUTES);
  const span = { from, to: from + lengthOf(held.visit) };
  return { kind: "lane", workerId: worker.id, span, misfits: foretold(held.visit, worker, span) };
}

function resized(held: Drag, x: number): Target | null {
  const track = held.fromWorker && document.querySelector<HTMLElement>(`[data-lane="${held.fromWorker}"]`);
  const worker = held.fromWorker ? floor.workers[held.fromWorker] : undefined;
  if (!track || !worker) return null;
  const from = startOf(held.visit);
  const to = Math.max(from + SNAP_MINUTES * 60_000, snap(instantUnder(track, x), SNAP_MINUTES));
  return { kind: "lane", workerId: worker.id, span: { from, to }, misfits: foretold(held.visit, worker, { from, to }) };
}

function instantUnder(track: HTMLElement, x: number): number {
  return derived.span().from + ((x - track.getBoundingClientRect().left) / hourWidth()) * 3_600_000;
}

function foretold(visit: Visit, worker: Worker, span: Span): Misfit[] {
  return misfits(visit, worker, span, derived.byWorker().get(worker.id) ?? [], zone());
}

export function lengthOf(visit: Visit): number {
  return visit.startsAt && visit.endsAt ? endOf(visit) - startOf(visit) : DEFAULT_LENGTH_MS;
}

export async function drop(held: Drag, target: Target): Promise<void> {
  const visit = floor.visits[held.visit.id];
  if (!visit) return;
  if (target.kind === "queue") {
    if (held.fromWorker && visit.workerIds.length) await unassign(visit, [held.fromWorker]);
    return;
  }
  const placing = placingFor({ ...held, visit }, target);
  const sameTime = visit.startsAt !== null && startOf(visit) === target.span.from && endOf(visit) === target.span.to;
  if (sameTime && placing.workerIds!.join() === visit.workerIds.join()) return;
  await place(visit, placing);
}

/** The hint's sentence for what is under the pointer. */
export function misfitWords(one: Misfit, workerId: string): string {
  const who = workerName(floor.workers[workerId]);
  switch (one.kind) {
    case "overlap": return m.conflict.overlapShort(visitTitle(one.with));
    case "hours": return m.conflict.hours(who);
    case "timeOff": return m.conflict.timeOff(who);
    case "skill": return m.conflict.skill(who, one.missing.join(", "));
  }
}

function edgeUnder(x: number, y: number): { board: HTMLElement; dx: number; dy: number } | null {
  const board = document.querySelector<HTMLElement>("[data-board]");
  if (!board) return null;
  const box = board.getBoundingClientRect();
  if (x < box.left || x > box.right || y < box.top || y > box.bottom) return null;
  const tracksFrom = box.left + headWidth();
  const dx = x > box.right - EDGE_PX ? 8 : Math.abs(x - tracksFrom) < EDGE_PX / 2 ? -8 : 0;
  const dy = y > box.bottom - EDGE_PX / 2 ? 6 : y < box.top + EDGE_PX ? -6 : 0;
  return dx || dy ? { board, dx, dy } : null;
}

function swallowClick(): void {
  const stop = (event: Event) => {
    event.stopPropagation();
    event.preventDefault();
  };
  window.addEventListener("click", stop, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", stop, { capture: true }), 50);
}
