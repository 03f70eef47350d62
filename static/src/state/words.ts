// Small phrases made of state: ages, positions, lengths. Words come from
// messages.ts.
import type { Actor, Geofence, Live, Visit, Weekday, WorkingHours } from "../api/types";
import { DEFAULT_RADIUS_M } from "../map/fences";
import { m } from "../messages";
import { clock, dateOf, dateTime } from "../time";
import { endOf, floor, now, startOf, workerName, zone } from "./floor";

export function age(ms: number): string {
  if (ms < 15_000) return m.ago.now;
  if (ms < 60_000) return m.ago.seconds(Math.round(ms / 5_000) * 5);
  if (ms < 3_600_000) return m.ago.minutes(Math.round(ms / 60_000));
  if (ms < 86_400_000) return m.ago.hours(Math.round(ms / 3_600_000));
  return m.ago.days(Math.round(ms / 86_400_000));
}

export function agoOf(at: string | null | undefined): string {
  return at ? age(Math.max(0, Math.max(now(), Date.now()) - Date.parse(at))) : m.map.noFix;
}

/** "zone 100 m" */
export function fenceWords(fence: Geofence | null | undefined): string {
  return fence?.type === "polygon" ? m.fence.polygonShort : m.fence.words(fence?.radiusM ?? DEFAULT_RADIUS_M);
}

/** "last fix 4 min, ± 35 m, battery 12 %" */
export function fixWords(live: Live | undefined): string {
  if (!live?.at) return m.map.noFix;
  const parts = [m.map.fix(agoOf(live.at))];
  if (live.accuracyM != null) parts.push(m.map.accuracy(Math.round(live.accuracyM)));
  if (live.speedMps != null && live.speedMps > 1) parts.push(m.map.speed(Math.round(live.speedMps * 3.6)));
  if (live.batteryPct != null) parts.push(m.map.battery(Math.round(live.batteryPct)));
  return parts.join(", ");
}

/** Whether somebody is there, and if not, why: "Silent for 6 min". */
export function presenceWords(live: Live | undefined): string {
  if (live?.reason === "NO_CONSENT") return m.because.NO_CONSENT!("");
  if (!live?.presence || live.presence === "never") return m.presence.never;
  if (live.onShift === false && (live.presence !== "online" || live.reason === "OFF_SHIFT")) return m.because.OFF_SHIFT!("");
  if (live.presence === "online") return m.presence.online;
  const because = live.reason ? m.because[live.reason] : undefined;
  return because ? because(agoOf(live.at)) : `${m.presence[live.presence]} · ${agoOf(live.at)}`;
}

export function whenWords(visit: Visit): string {
  if (!visit.startsAt || !visit.endsAt) return m.queue.noTime;
  const from = startOf(visit);
  const to = endOf(visit);
  const sameDay = dateOf(from, zone()) === dateOf(to, zone());
  return `${dateTime(from, zone())} – ${sameDay ? clock(to, zone()) : dateTime(to, zone())}`;
}

export function spanWords(visit: Visit): string {
  if (!visit.startsAt || !visit.endsAt) return m.queue.noTime;
  return `${clock(startOf(visit), zone())}–${clock(endOf(visit), zone())}`;
}

export function actorWords(actor: Actor | null | undefined): string {
  if (!actor) return "";
  if (actor.id && actor.id === floor.me?.id) return m.inspector.you;
  const worker = actor.id ? floor.workers[actor.id] : undefined;
  return worker ? workerName(worker) : (actor.id && floor.office[actor.id]) || (actor.kind === "system" ? m.inspector.system : "");
}

const WEEK: Weekday[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/** "Mon–Fri 08:00–17:00": days in a row with the same hours share a line. */
export function hoursWords(hours: WorkingHours[] | null | undefined): string[] {
  const runs: { first: Weekday; last: Weekday; times: string }[] = [];
  for (const day of WEEK) {
    const times = (hours ?? []).filter((row) => row.weekday === day).map((row) => `${row.start}–${row.end}`).sort().join(", ");
    const before = runs.at(-1);
    if (before && before.times === times) before.last = day;
    else runs.push({ first: day, last: day, times });
  }
  return runs.filter((run) => run.times).map((run) =>
    `${run.first === run.last ? m.weekday[run.first] : `${m.weekday[run.first]}–${m.weekday[run.last]}`} ${run.times}`);
}
