// Which lanes the board shows, and where the keyboard stands on it. The cursor
// follows its visit when somebody moves it, so that focus is never lost.
import { createMemo, createRoot, createSelector, createSignal } from "solid-js";
import type { Visit, Worker } from "../api/types";
import { derived, endOf, startOf } from "../state/floor";

export type LaneFilter = "offline" | "late";
const [laneFilter, setLaneFilter] = createSignal<LaneFilter | null>(null);
export { laneFilter };
export function toggleLaneFilter(which: LaneFilter | null): void {
  setLaneFilter((held) => (held === which ? null : which));
}

/** A place on the board: a visit on somebody's lane, or the lane's head. */
export interface Cursor { workerId: string; visitId: string | null }
const [placed, setCursor] = createSignal<Cursor | null>(null, { equals: sameCursor });
export { setCursor };

function sameCursor(a: Cursor | null, b: Cursor | null): boolean {
  return a?.workerId === b?.workerId && a?.visitId === b?.visitId;
}

export const board = createRoot(() => {
  const lanes = createMemo<Worker[]>(() => {
    const filter = laneFilter();
    if (filter === "offline") return derived.offline();
    if (filter === "late") {
      const wanted = new Set([...derived.late(), ...derived.atRisk()].flatMap((visit) => visit.workerIds));
      return derived.workers().filter((worker) => wanted.has(worker.id));
    }
    return derived.workers();
  });
  const indexOf = createMemo(() => new Map(lanes().map((worker, index) => [worker.id, index])));
  const cursor = createMemo<Cursor | null>(() => settled(placed(), indexOf(), lanes()), null, { equals: sameCursor });
  const key = createMemo(() => keyOf(cursor()));
  return { lanes, indexOf, cursor, isStop: createSelector(key) };
});

export function keyOf(cursor: Cursor | null): string {
  return cursor ? `${cursor.workerId}/${cursor.visitId ?? ""}` : "";
}

function settled(held: Cursor | null, indexOf: Map<string, number>, lanes: Worker[]): Cursor | null {
  const first = lanes[0] ? { workerId: lanes[0].id, visitId: null } : null;
  if (!held) return first;
  if (held.visitId) {
    const visit = derived.ofDay().find((one) => one.id === held.visitId);
    if (visit && !visit.workerIds.includes(held.workerId)) {
      const lane = visit.workerIds.find((id) => indexOf.has(id));
      if (lane) return { workerId: lane, visitId: held.visitId };
    }
    if (visit?.workerIds.includes(held.workerId) && indexOf.has(held.workerId)) return held;
  }
  return indexOf.has(held.workerId) ? { workerId: held.workerId, visitId: null } : first;
}

export type Way = "up" | "down" | "left" | "right" | "first" | "last" | "pageUp" | "pageDown" | "top" | "bottom";
const PAGE = 8;
// Going up and down keeps to a time of the day, as a caret keeps to its column.
let aimMs: number | null = null;
let aimedTo = "";

/** Where the cursor comes to, going from where it is. */
export function stepFrom(cursor: Cursor | null, way: Way): Cursor | null {
  const lanes = board.lanes();
  if (!cursor || lanes.length === 0) return board.cursor();
  const at = board.indexOf().get(cursor.workerId) ?? 0;
  const lane = derived.byWorker().get(cursor.workerId) ?? [];
  const inLane = lane.findIndex((visit) => visit.id === cursor.visitId);
  const along = (index: number): Cursor => {
    aimedTo = "";
    return { workerId: cursor.workerId, visitId: index < 0 ? null : (lane[Math.min(index, lane.length - 1)]?.id ?? null) };
  };
  switch (way) {
    case "left": return along(inLane - 1);
    case "right": return along(inLane + 1);
    case "first": return along(-1);
    case "last": return along(lane.length - 1);
    case "up": return across(lanes, at - 1, cursor, lane[inLane]);
    case "down": return across(lanes, at + 1, cursor, lane[inLane]);
    case "pageUp": return across(lanes, at - PAGE, cursor, lane[inLane]);
    case "pageDown": return across(lanes, at + PAGE, cursor, lane[inLane]);
    case "top": return across(lanes, 0, cursor, lane[inLane]);
    case "bottom": return across(lanes, lanes.length - 1, cursor, lane[inLane]);
  }
}

function across(lanes: Worker[], index: number, cursor: Cursor, from: Visit | undefined): Cursor {
  const worker = lanes[Math.max(0, Math.min(lanes.length - 1, index))]!;
  if (worker.id === cursor.workerId) return cursor;
  if (keyOf(cursor) !== aimedTo) aimMs = from ? (startOf(from) + endOf(from)) / 2 : null;
  const aim = aimMs;
  const far = (visit: Visit) => Math.max(startOf(visit) - aim!, aim! - endOf(visit), 0);
  const lane = aim === null ? [] : (derived.byWorker().get(worker.id) ?? []);
  const nearest = lane.reduce<Visit | null>((best, visit) => (best && far(best) <= far(visit) ? best : visit), null);
  const to = { workerId: worker.id, visitId: nearest?.id ?? null };
  aimedTo = keyOf(to);
  return to;
}
