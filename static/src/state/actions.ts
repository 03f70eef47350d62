// What a dispatcher does to visits: place, assign, unassign, progress, undo.
// A refusal that may be overridden is handed to the conflict dialog.
import { createSignal } from "solid-js";
import { setFloor, floor, dropVisit, link, putVisit, visitTitle, workerName, zone, type Overlay } from "./floor";
import { ApiFailure, call, post } from "../api/http";
import { randomId } from "../api/ids";
import type { Resource, Visit, VisitAttributes } from "../api/types";
import { flatVisit } from "../stream";
import { clock, dateTime } from "../time";
import { m } from "../messages";
import { announce, complain, inWords, say } from "./notices";

export type Step = "start-travel" | "arrive" | "start" | "pause" | "complete" | "no-access" | "cancel" | "reopen";
/** What is left out stays; null takes the time away. */
export interface Placing { startsAt?: string | null; endsAt?: string | null; workerIds?: string[] }
interface Force { reason: string }

const FORCEABLE = new Set(["SCHEDULE_CONFLICT", "OUTSIDE_WORKING_HOURS", "ON_TIME_OFF", "MISSING_SKILL", "TRAVEL_TOO_LONG"]);

export interface Clash {
  visit: Visit;
  placing: Placing;
  failure: ApiFailure;
  forceable: boolean;
  again: (force: Force) => Promise<boolean>;
}
const [clash, setClash] = createSignal<Clash | null>(null);
export { clash };
export const closeClash = () => setClash(null);

interface Undoable { visitId: string; before: Placing; after: number }
let lastMove: Undoable | null = null;
let underWay: Promise<unknown> = Promise.resolve();

/** Gives a visit its time and its people in one step; what is left out stays. */
export function place(visit: Visit, placing: Placing, force?: Force): Promise<boolean> {
  const before: Placing = { startsAt: visit.startsAt, endsAt: visit.endsAt, workerIds: [...visit.workerIds] };
  const overlay: Overlay = { ...placing };
  const workers = placing.workerIds ?? visit.workerIds;
  const timed = placing.startsAt === undefined ? visit.startsAt : placing.startsAt;
  overlay.status = !timed ? "unscheduled" : workers.length ? "scheduled" : "unassigned";
  return attempt(visit, placing, overlay, (force) =>
    call<Resource<VisitAttributes>>("POST", `/visits/${visit.id}/move`, {
      ifMatch: floor.visits[visit.id]?.version ?? visit.version,
      body: { data: { type: "visit", attributes: { ...placing, ...(force ? { force } : {}) } } },
    }), (after) => {
    lastMove = { visitId: visit.id, before, after: after.version };
    say(placedWords(visit, before, after), { label: m.act.undo, run: () => void undo() });
  }, force);
}

export function assign(visit: Visit, workerIds: string[]): Promise<boolean> {
  const before: Placing = { workerIds: [...visit.workerIds] };
  const together = [...new Set([...visit.workerIds, ...workerIds])];
  const overlay: Overlay = { workerIds: together, ...(visit.startsAt ? { status: "scheduled" as const } : {}) };
  return attempt(visit, { workerIds: together }, overlay, (force) =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/assign`, "assignment", { workerIds, ...(force ? { force } : {}) }),
  (after) => {
    lastMove = { visitId: visit.id, before, after: after.version };
    say(m.said.assigned(visitTitle(visit), namesOf(workerIds)), { label: m.act.undo, run: () => void undo() });
  });
}

export function unassign(visit: Visit, workerIds: string[] = visit.workerIds): Promise<boolean> {
  const before: Placing = { workerIds: [...visit.workerIds] };
  const rest = visit.workerIds.filter((id) => !workerIds.includes(id));
  const overlay: Overlay = { workerIds: rest, ...(rest.length ? {} : { status: visit.startsAt ? "unassigned" : "unscheduled" }) };
  return attempt(visit, { workerIds: rest }, overlay, () =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/unassign`, "assignment", { workerIds: [...workerIds] }),
  (after) => {
    lastMove = { visitId: visit.id, before, after: after.version };
    say(m.said.unassigned(visitTitle(visit)), { label: m.act.undo, run: () => void undo() });
  });
}

export function progress(visit: Visit, step: Step, reason?: string): Promise<boolean> {
  return attempt(visit, {}, {}, (force) =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/${step}`, "visit",
      step === "cancel" || step === "reopen" ? { ...(reason ? { reason } : {}), ...(force ? { force } : {}) } : { occurredAt: new Date().toISOString() }),
  (after) => announce(m.said.status(visitTitle(visit), m.status[after.status])));
}

export async function undo(): Promise<void> {
  // What is still under way is what one means to take back.
  await underWay;
  const held = lastMove;
  if (!held) return;
  lastMove = null;
  const visit = floor.visits[held.visitId];
  if (!visit || visit.version !== held.after) {
    return complain(m.said.cannotUndo);
  }
  const done = await place(visit, held.before);
  lastMove = null;
  if (done) announce(m.said.undone);
}

/** The steps a dispatcher may take from a state, in the order of their use. */
export function stepsFrom(visit: Visit): Step[] {
  switch (visit.status) {
    case "scheduled": return ["start-travel", "arrive", "start", "cancel"];
    case "traveling": return ["arrive", "start", "no-access", "cancel"];
    case "onSite": return ["start", "complete", "no-access", "cancel"];
    case "inProgress": return ["complete", "pause", "no-access", "cancel"];
    case "paused": return ["start", "complete", "cancel"];
    case "completed": case "cancelled": case "noAccess": return ["reopen"];
    default: return ["cancel"];
  }
}

function attempt(...order: Parameters<typeof tried>): Promise<boolean> {
  const running = tried(...order);
  underWay = running.catch(() => undefined);
  return running;
}

async function tried(
  visit: Visit, placing: Placing, overlay: Overlay,
  send: (force?: Force) => Promise<{ data: Resource<VisitAttributes> }>,
  done: (after: Visit) => void, force?: Force,
): Promise<boolean> {
  if (link() === "offline" && !navigator.onLine) {
    complain(m.said.offline);
    return false;
  }
  const token = randomId();
  tokensOf.set(visit.id, token);
  setFloor("pending", visit.id, overlay);
  try {
    const answer = await send(force);
    const after = flatVisit(answer.data as unknown as Record<string, unknown>);
    putVisit(after);
    settle(visit.id, token);
    done(after);
    return true;
  } catch (error) {
    settle(visit.id, token);
    return refused(error, visit, placing, (again) => attempt(visit, placing, overlay, send, done, again));
  }
}

const tokensOf = new Map<string, string>();
function settle(visitId: string, token: string): void {
  if (tokensOf.get(visitId) !== token) return;
  tokensOf.delete(visitId);
  setFloor("pending", visitId, undefined as never);
}

function refused(error: unknown, visit: Visit, placing: Placing, again: Clash["again"]): boolean {
  if (!(error instanceof ApiFailure)) throw error;
  const current = error.meta.current;
  if (current && typeof current === "object" && "id" in current) putVisit(flatVisit(current as Record<string, unknown>));
  if (FORCEABLE.has(error.code) || error.code === "WORKER_INACTIVE") {
    setClash({ visit, placing, failure: error, forceable: error.errors.every((one) => FORCEABLE.has(one.code)), again });
  } else if (error.status === 412) complain(m.said.changedMeanwhile);
  else if (error.code === "SUPERSEDED") complain(m.said.superseded);
  else if (error.code === "WRONG_STATE") complain(m.conflict.wrongState(m.status[currentStatus(error, visit)]));
  else {
    if (error.status === 404) dropVisit(visit.id);
    complain(inWords(error));
  }
  return false;
}

function currentStatus(error: ApiFailure, visit: Visit): Visit["status"] {
  const current = error.meta.current as unknown;
  if (typeof current === "string" && current in m.status) return current as Visit["status"];
  const status = (current as { attributes?: { status?: string }; status?: string } | undefined);
  const found = status?.attributes?.status ?? status?.status;
  return found && found in m.status ? (found as Visit["status"]) : visit.status;
}

function placedWords(visit: Visit, before: Placing, after: Visit): string {
  const title = visitTitle(visit);
  if (after.workerIds.length === 0) return m.said.unassigned(title);
  const workersChanged = after.workerIds.join() !== before.workerIds?.join();
  if (workersChanged) return m.said.assigned(title, namesOf(after.workerIds));
  return m.said.moved(title, after.startsAt ? dateTime(Date.parse(after.startsAt), zone()) : "");
}

function namesOf(ids: string[]): string {
  return ids.map((id) => workerName(floor.workers[id])).filter(Boolean).join(", ");
}

/** Why a placing was refused, one sentence per reason. */
export function clashReasons(held: Clash): string[] {
  const people = namesOf(held.placing.workerIds ?? held.visit.workerIds) || m.conflict.somebody;
  return held.failure.errors.flatMap((error) => {
    const meta = error.meta ?? {};
    const who = typeof meta.workerId === "string" ? workerName(floor.workers[meta.workerId]) || people : people;
    switch (error.code) {
      case "SCHEDULE_CONFLICT": return overlapsIn(meta.conflicts);
      case "OUTSIDE_WORKING_HOURS": return [m.conflict.hours(who)];
      case "ON_TIME_OFF": return [m.conflict.timeOff(who)];
      case "MISSING_SKILL": return [m.conflict.skill(who, lacking(meta))];
      case "TRAVEL_TOO_LONG": return [m.conflict.travel(who)];
      case "WORKER_INACTIVE": return [m.conflict.inactive(who)];
      default: return [error.detail ?? error.title ?? error.code];
    }
  });
}

function lacking(meta: Record<string, unknown>): string {
  const list = meta.missing ?? meta.skills ?? meta.missingSkills ?? (meta.skill ? [meta.skill] : []);
  return Array.isArray(list) ? list.join(", ") : String(list);
}

function overlapsIn(conflicts: unknown): string[] {
  if (!Array.isArray(conflicts) || conflicts.length === 0) return [m.conflict.overlapPlain];
  return (conflicts as { visitId: string; workerId: string; startsAt: string; endsAt: string }[]).map((one) => {
    const other = floor.visits[one.visitId];
    const when = `${clock(Date.parse(one.startsAt), zone())}–${clock(Date.parse(one.endsAt), zone())}`;
    return m.conflict.overlap(workerName(floor.workers[one.workerId]) || m.conflict.somebody, visitTitle(other), when);
  });
}
