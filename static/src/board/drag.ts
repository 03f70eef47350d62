// Dragging visits with any pointer: from the queue or a lane to a lane, along
// it, back to the queue, and by the edge to resize. Plain pointer events.
import { createSignal } from "solid-js";
import type { Visit, Worker } from "../api/types";
import { m } from "../messages";
import { assignedLane, derived, endOf, floor, mayBePlaced, startOf, visitTitle, workerName, zone } from "../state/floor";
import { announce } from "../state/notices";
import { headWidth, hourWidth } from "../state/preferences";
import { place, unassign } from "../state/actions";
import { snap, type Span } from "../time";
import { misfits, type Misfit } from "./fit";

export const SNAP_MINUTES = 15;
const START_PX = 5;
const HOLD_MS = 280;
const DEFAULT_LENGTH_MS = 3_600_000;
const EDGE_PX = 40;
const DWELL_MS = 350;

export type Target =
  | { kind: "lane"; workerId: string; span: Span; misfits: Misfit[] }
  | { kind: "queue" };
export interface Drag {
  visit: Visit;
  fromWorker: string | null;
  mode: "move" | "resize";
  x: number;
  y: number;
  target: Target | null;
}

const [drag, setDrag] = createSignal<Drag | null>(null);
export { drag };

/** Begins on pointerdown; a press that does not travel stays a click. */
export function grab(event: PointerEvent, visit: Visit, fromWorker: string | null, mode: Drag["mode"] = "move"): void {
  if (event.button !== 0 || !mayBePlaced(visit)) return;
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
  const update = (x: number, y: number) =>
    setDrag((held) => (held ? { ...held, x, y, target: targetAt(held, x, y, grabMs) } : held));
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

async function drop(held: Drag, target: Target): Promise<void> {
  const visit = floor.visits[held.visit.id];
  if (!visit) return;
  if (target.kind === "queue") {
    if (held.fromWorker && visit.workerIds.length) await unassign(visit, [held.fromWorker]);
    return;
  }
  const workerIds = assignedLane(visit, held.fromWorker, target.workerId);
  const startsAt = new Date(target.span.from).toISOString();
  const endsAt = new Date(target.span.to).toISOString();
  const sameTime = visit.startsAt !== null && Date.parse(visit.startsAt) === target.span.from
    && Date.parse(visit.endsAt ?? "") === target.span.to;
  if (sameTime && workerIds.join() === visit.workerIds.join()) return;
  await place(visit, { startsAt, endsAt, workerIds });
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
