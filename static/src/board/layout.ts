// Where things lie on the board, as plain arithmetic: pixels for instants, and
// rows within a lane for visits that overlap.
import type { Span } from "../time";

export const LANE_HEIGHT = 62;
export const AXIS_HEIGHT = 34;
const HOUR_MS = 3_600_000;

export interface Axis { from: number; to: number; hourWidth: number }

export function xOf(axis: Axis, ms: number): number {
  return ((ms - axis.from) / HOUR_MS) * axis.hourWidth;
}
export function instantAt(axis: Axis, x: number): number {
  return axis.from + (x / axis.hourWidth) * HOUR_MS;
}
export function widthOf(axis: Axis): number {
  return xOf(axis, axis.to);
}

export interface Box { left: number; width: number }
/** A span clipped to the axis, never so narrow that it cannot be grabbed. */
export function boxOf(axis: Axis, span: Span): Box {
  const left = xOf(axis, Math.max(span.from, axis.from));
  const right = xOf(axis, Math.min(span.to, axis.to));
  return { left, width: Math.max(right - left, 14) };
}

/** The full hours on the axis, first one included. */
export function hoursOf(axis: Axis): number[] {
  const hours: number[] = [];
  for (let at = axis.from; at < axis.to; at += HOUR_MS) hours.push(at);
  return hours;
}

export interface Row { row: number; rows: number }
/** For spans in order of their start: which row each takes, and of how many in its cluster. */
export function stack(spans: Span[]): Row[] {
  const placed: Row[] = [];
  let cluster: number[] = [];
  let ends: number[] = [];
  let clusterEnd = -Infinity;
  const close = () => {
    for (const index of cluster) placed[index]!.rows = ends.length;
    cluster = [];
    ends = [];
  };
  spans.forEach((span, index) => {
    if (span.from >= clusterEnd) close();
    let row = ends.findIndex((end) => end <= span.from);
    if (row < 0) row = ends.push(span.to) - 1;
    else ends[row] = span.to;
    clusterEnd = Math.max(cluster.length ? clusterEnd : -Infinity, span.to);
    cluster.push(index);
    placed[index] = { row, rows: 1 };
  });
  close();
  return placed;
}

/** Which lanes to draw for a scroll position; a few more than fit, so that scrolling shows no gap. */
export function visibleRange(scrollTop: number, height: number, count: number, spare = 4): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / LANE_HEIGHT) - spare);
  const last = Math.min(count, Math.ceil((scrollTop + height) / LANE_HEIGHT) + spare);
  return [first, Math.max(first, last)];
}

/** Where a day opens: around now if something happens around now, else where work begins. */
export function opensAt(axis: Axis, now: number, starts: number[]): number {
  const today = now >= axis.from && now < axis.to;
  const busy = starts.some((start) => Math.abs(start - now) < 4 * HOUR_MS);
  if (today && (busy || starts.length === 0)) return now - 1.5 * HOUR_MS;
  const first = starts.filter((start) => start >= axis.from).reduce((least, start) => Math.min(least, start), axis.from + 8 * HOUR_MS);
  return first - 0.5 * HOUR_MS;
}
