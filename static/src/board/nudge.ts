// Moving a visit with Alt and the arrows: each press moves what is shown, the
// server's verdict is read aloud, and letting go of Alt drops it there.
import type { Visit } from "../api/types";
import { m } from "../messages";
import { derived, endOf, floor, startOf, visitTitle } from "../state/floor";
import { place } from "../state/actions";
import { announce } from "../state/notices";
import { drag, drop, dragByKeys, endKeys, mayDrag, SNAP_MINUTES } from "./drag";
import { focusCursor, reveal } from "./focus";
import { board, setCursor } from "./lanes";

const STEP_MS = SNAP_MINUTES * 60_000;
const WAYS: Record<string, [lanes: number, steps: number]> = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
};

/** Takes Alt with an arrow for the visit that the keyboard is on; false if it is not for us. */
export function nudge(key: string, visit: Visit | undefined, lane: string | null): boolean {
  const way = WAYS[key];
  if (!way) return false;
  if (!visit || !mayDrag(visit)) {
    if (visit) announce(m.said.cannotMove(visitTitle(visit)));
    return true;
  }
  const held = drag();
  if (held && held.mode !== "keys") return true;
  const at = held?.target?.kind === "lane" ? held.target : null;
  const fromWorker = held ? held.fromWorker : (lane ?? visit.workerIds[0] ?? null);
  const timed = visit.startsAt !== null;
  const span = at?.span ?? (timed ? { from: startOf(visit), to: endOf(visit) } : null);
  // Without a time there is nothing to move by a quarter of an hour: the dialog asks for one.
  if (!span) return false;
  const next = { from: span.from + way[1] * STEP_MS, to: span.to + way[1] * STEP_MS };
  if (!at && fromWorker === null && way[0] === 0) {
    // Nobody's yet: only its time changes.
    void place(visit, { startsAt: new Date(next.from).toISOString(), endsAt: new Date(next.to).toISOString() });
    return true;
  }
  const workerId = neighbour(at?.workerId ?? fromWorker, way[0]);
  if (!workerId || next.to <= derived.span().from || next.from >= derived.span().to) return true;
  dragByKeys(visit, fromWorker, workerId, next);
  reveal({ workerId, visitId: null });
  return true;
}

function neighbour(workerId: string | null, by: number): string | null {
  const lanes = board.lanes();
  if (workerId === null) return lanes[by < 0 ? lanes.length - 1 : 0]?.id ?? null;
  const at = board.indexOf().get(workerId);
  if (at === undefined) return workerId;
  return lanes[Math.max(0, Math.min(lanes.length - 1, at + by))]?.id ?? null;
}

/** Alt was let go of: what is shown becomes what is asked for. */
export function dropNudge(): boolean {
  const held = endKeys();
  if (!held?.target || held.target.kind !== "lane") return held !== null;
  const { workerId } = held.target;
  const onBoard = held.fromWorker !== null;
  if (onBoard) setCursor({ workerId, visitId: held.visit.id });
  void drop(held, held.target).then(() => {
    if (onBoard && floor.visits[held.visit.id] && document.activeElement === document.body) focusCursor();
  });
  return true;
}

export function cancelNudge(): boolean {
  const held = endKeys();
  if (held) announce(m.said.dragCancelled);
  return held !== null;
}
