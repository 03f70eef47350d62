// Wall clocks of a time zone, from Intl alone: days, hours and how to write
// them. It never asks what time it is now.
import type { Weekday, WorkingHours } from "./api/types";

export interface Wall { year: number; month: number; day: number; hour: number; minute: number }
export interface Span { from: number; to: number }

const WEEKDAYS: Weekday[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}|${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
    formats.set(key, found);
  }
  return found;
}

export function wallOf(ms: number, zone: string): Wall {
  const parts = format(zone, "wall", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(ms);
  const pick = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
  return { year: pick("year"), month: pick("month"), day: pick("day"), hour: pick("hour"), minute: pick("minute") };
}

/** The instant of a wall time; one that a clock change skips becomes the next that exists. */
export function instantOf(wall: Wall, zone: string): number {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute);
  const offset = (ms: number) => {
    const seen = wallOf(ms, zone);
    return Date.UTC(seen.year, seen.month - 1, seen.day, seen.hour, seen.minute) - Math.floor(ms / 60_000) * 60_000;
  };
  const first = asUtc - offset(asUtc);
  return asUtc - offset(first);
}

/** How far a zone's clocks are ahead of UTC. */
export function offsetMinutes(ms: number, zone: string): number {
  const wall = wallOf(ms, zone);
  return Math.round((Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute) - ms) / 60_000);
}

export function dateOf(ms: number, zone: string): string {
  const wall = wallOf(ms, zone);
  return `${pad(wall.year, 4)}-${pad(wall.month)}-${pad(wall.day)}`;
}

export function dayStart(date: string, zone: string): number {
  return atClock(date, "00:00", zone);
}

/** `atClock("2026-12-01", "08:30", "Europe/Zurich")`; "24:00" is the next midnight. */
export function atClock(date: string, clock: string, zone: string): number {
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const [hour, minute] = clock.split(":").map(Number) as [number, number];
  const shifted = new Date(Date.UTC(year, month - 1, day, hour, minute));
  return instantOf({
    year: shifted.getUTCFullYear(), month: shifted.getUTCMonth() + 1, day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(), minute: shifted.getUTCMinutes(),
  }, zone);
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

export function weekdayOf(date: string): Weekday {
  return WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()]!;
}

export function daySpan(date: string, zone: string): Span {
  return { from: dayStart(date, zone), to: dayStart(addDays(date, 1), zone) };
}

export function clock(ms: number, zone: string): string {
  return format(zone, "clock", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

export function longDate(date: string): string {
  return format("UTC", "longDate", { weekday: "short", day: "numeric", month: "short", year: "numeric" })
    .format(Date.parse(`${date}T12:00:00Z`));
}

export function dateTime(ms: number, zone: string): string {
  return format(zone, "dateTime", {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).format(ms);
}

/** The value of an `<input type="datetime-local">` in a zone, and back. */
export function toInput(ms: number, zone: string): string {
  return `${dateOf(ms, zone)}T${clock(ms, zone)}`;
}
export function fromInput(text: string, zone: string): number | null {
  const found = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})/.exec(text);
  return found ? atClock(found[1]!, found[2]!, zone) : null;
}

/** A worker's working time within a span; none set means always. */
export function workingSpans(hours: WorkingHours[] | null | undefined, span: Span, zone: string): Span[] {
  if (!hours || hours.length === 0) return [span];
  const found: Span[] = [];
  const first = addDays(dateOf(span.from, zone), -1);
  for (let ahead = 0; ahead < 4; ahead += 1) {
    const date = addDays(first, ahead);
    for (const row of hours) {
      if (row.weekday !== weekdayOf(date)) continue;
      const from = atClock(date, row.start, zone);
      let to = atClock(date, row.end, zone);
      if (to <= from) to = atClock(addDays(date, 1), row.end, zone);
      const clipped = { from: Math.max(from, span.from), to: Math.min(to, span.to) };
      if (clipped.from < clipped.to) found.push(clipped);
    }
  }
  return found.sort((a, b) => a.from - b.from);
}

/** What a list of sorted spans leaves free of a span. */
export function gaps(busy: Span[], span: Span): Span[] {
  const free: Span[] = [];
  let at = span.from;
  for (const one of busy) {
    if (one.from > at) free.push({ from: at, to: one.from });
    at = Math.max(at, one.to);
  }
  if (at < span.to) free.push({ from: at, to: span.to });
  return free;
}

export function overlaps(a: Span, b: Span): boolean {
  return a.from < b.to && b.from < a.to;
}

export function snap(ms: number, stepMinutes: number): number {
  const step = stepMinutes * 60_000;
  return Math.round(ms / step) * step;
}

function pad(n: number, width = 2): string {
  return String(n).padStart(width, "0");
}
