// Why a placing was refused, in words. It asks nobody: the server's answer and
// what the browser knows are enough.
import type { ApiFailure } from "../api/http";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { clock } from "../time";
import { floor, visitTitle, workerName, zone } from "./floor";

/** What is left out stays; null takes the time away. */
export interface Placing { startsAt?: string | null; endsAt?: string | null; workerIds?: string[] }
export interface Refusal { visit: Visit; placing: Placing; failure: ApiFailure }

/** Why a placing was refused, one sentence per reason. */
export function clashReasons(held: Refusal): string[] {
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

export function namesOf(ids: string[]): string {
  return ids.map((id) => workerName(floor.workers[id])).filter(Boolean).join(", ");
}
