// What a dispatcher does to visits: place, assign, unassign, progress, undo.
// A refusal that may be overridden is handed to the conflict dialog.
import { createSignal } from "solid-js";
import { floor, setPending, dropVisit, link, putVisit, visitTitle, zone, type Overlay } from "./floor";
import { namesOf, type Placing, type Refusal } from "./clash";
import { ApiFailure, call, post } from "../api/http";
import { randomId } from "../api/ids";
import type { Resource, Visit, VisitAttributes } from "../api/types";
import { flatVisit } from "../stream";
import { dateTime } from "../time";
import { m } from "../messages";
import { announce, complain, inWords, say } from "./notices";

export type Step = "start-travel" | "arrive" | "start" | "pause" | "complete" | "no-access" | "cancel" | "reopen";
interface Force { reason: string }

const FORCEABLE = new Set(["SCHEDULE_CONFLICT", "OUTSIDE_WORKING_HOURS", "ON_TIME_OFF", "MISSING_SKILL", "TRAVEL_TOO_LONG"]);

export interface Clash extends Refusal {
  forceable: boolean;
  again: (force: Force) => Promise<boolean>;
}
const [clash, setClash] = createSignal<Clash | null>(null);
export { clash };
export const closeClash = () => setClash(null);

// What one did, newest last, so that it can be taken back by doing the opposite.
interface Undoable { visitId: string; from: number; after: number; back: Placing | "reopen" }
const MOST_UNDOABLE = 20;
const moves: Undoable[] = [];
let underWay: Promise<unknown> = Promise.resolve();

function did(one: Undoable, words: string): void {
  moves.push(one);
  if (moves.length > MOST_UNDOABLE) moves.shift();
  say(words, { label: m.act.undo, run: () => void undo() });
}
const versionOf = (visit: Visit): number => floor.visits[visit.id]?.version ?? visit.version;
const placingOf = (visit: Visit): Placing => ({ startsAt: visit.startsAt, endsAt: visit.endsAt, workerIds: [...visit.workerIds] });

/** Gives a visit its time and its people in one step; what is left out stays. */
export function place(visit: Visit, placing: Placing, undoing = false): Promise<boolean> {
  const back = placingOf(visit);
  const from = versionOf(visit);
  const overlay: Overlay = { ...placing };
  const workers = placing.workerIds ?? visit.workerIds;
  const timed = placing.startsAt === undefined ? visit.startsAt : placing.startsAt;
  overlay.status = !timed ? "unscheduled" : workers.length ? "scheduled" : "unassigned";
  return attempt(visit, placing, overlay, (force) =>
    call<Resource<VisitAttributes>>("POST", `/visits/${visit.id}/move`, {
      ifMatch: versionOf(visit),
      body: { data: { type: "visit", attributes: { ...placing, ...(force ? { force } : {}) } } },
    }), (after) => {
    if (!undoing) did({ visitId: visit.id, from, after: after.version, back }, placedWords(visit, back, after));
  });
}

export function assign(visit: Visit, workerIds: string[]): Promise<boolean> {
  const back: Placing = { workerIds: [...visit.workerIds] };
  const from = versionOf(visit);
  const together = [...new Set([...visit.workerIds, ...workerIds])];
  const overlay: Overlay = { workerIds: together, ...(visit.startsAt ? { status: "scheduled" as const } : {}) };
  return attempt(visit, { workerIds: together }, overlay, (force) =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/assign`, "assignment", { workerIds, ...(force ? { force } : {}) }),
  (after) => did({ visitId: visit.id, from, after: after.version, back }, m.said.assigned(visitTitle(visit), namesOf(workerIds))));
}

export function unassign(visit: Visit, workerIds: string[] = visit.workerIds): Promise<boolean> {
  const back: Placing = { workerIds: [...visit.workerIds] };
  const from = versionOf(visit);
  const rest = visit.workerIds.filter((id) => !workerIds.includes(id));
  const overlay: Overlay = { workerIds: rest, ...(rest.length ? {} : { status: visit.startsAt ? "unassigned" : "unscheduled" }) };
  return attempt(visit, { workerIds: rest }, overlay, () =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/unassign`, "assignment", { workerIds: [...workerIds] }),
  (after) => did({ visitId: visit.id, from, after: after.version, back }, m.said.unassigned(visitTitle(visit))));
}

/** `at` is when it happened, if that was not just now. */
export function progress(visit: Visit, step: Step, reason?: string, at?: string): Promise<boolean> {
  const from = versionOf(visit);
  const told = step === "cancel" || step === "reopen";
  return attempt(visit, {}, {}, (force) =>
    post<Resource<VisitAttributes>>(`/visits/${visit.id}/${step}`, "visit",
      told ? { ...(reason ? { reason } : {}), ...(force ? { force } : {}) } : { occurredAt: at ?? new Date().toISOString() }),
  (after) => {
    const words = m.said.status(visitTitle(visit), m.status[after.status]);
    if (step === "cancel") did({ visitId: visit.id, from, after: after.version, back: "reopen" }, words);
    else announce(words);
  });
}

export async function undo(): Promise<void> {
  // What is still under way is what one means to take back.
  await underWay;
  const held = moves.pop();
  if (!held) return complain(m.said.nothingToUndo);
  const visit = floor.visits[held.visitId];
  if (!visit || visit.version !== held.after) return complain(m.said.cannotUndo);
  const done = held.back === "reopen" ? await progress(visit, "reopen", m.said.undoReason) : await place(visit, held.back, true);
  if (!done) return;
  // What was done to it before that can now be taken back as well.
  const earlier = moves.findLast((one) => one.visitId === held.visitId);
  if (earlier?.after === held.from) earlier.after = floor.visits[held.visitId]?.version ?? earlier.after;
  say(m.said.undone);
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
  if (link() === "offline") {
    complain(m.said.offline);
    return false;
  }
  const token = randomId();
  tokensOf.set(visit.id, token);
  setPending(visit.id, overlay);
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
  setPending(visitId, undefined);
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
