// The way somebody went: its length, its gaps, and how it is drawn. Purely;
// state/trail.ts fetches it.
import type { Place, Resource } from "../api/types";
import { collection } from "./features";

export interface TrailPoint extends Place {
  at: number;
  receivedAt: number;
  accuracyM?: number | null;
  speedMps?: number | null;
  /** Kept and shown, but no part of the way: the server's reading. */
  unused: boolean;
  flags: string[];
}
export interface Trail {
  workerId: string;
  points: TrailPoint[];
  distanceM: number;
  unused: number;
  late: number;
  truncated: boolean;
}

/** Nothing was heard for so long: what lies between is not known. */
const GAP_MS = 5 * 60_000;
const LATE_MS = 5 * 60_000;
const EARTH_M = 6_371_000;

export interface TrackPoint extends Place {
  at: string; receivedAt?: string; accuracyM?: number | null; speedMps?: number | null; flags: string[]; used: boolean;
}

/** A day's points as they came, in the order of the phone's clock. */
export function trailOf(workerId: string, rows: Resource<TrackPoint>[], meta: Record<string, unknown> = {}): Trail {
  const points = rows.map(({ attributes: a }): TrailPoint => ({
    lat: a.lat, lng: a.lng, at: Date.parse(a.at), receivedAt: Date.parse(a.receivedAt ?? a.at), accuracyM: a.accuracyM, speedMps: a.speedMps,
    unused: !a.used, flags: a.flags,
  }));
  return {
    workerId, points, distanceM: Number(meta.distanceM ?? 0), truncated: meta.truncated === true,
    unused: points.filter((point) => point.unused && !isTremble(point)).length, late: points.filter((point) => point.receivedAt - point.at > LATE_MS).length,
  };
}
/** Somebody who stands: his phone wavers around the place, which is nothing wrong. */
export const isTremble = (point: TrailPoint): boolean => point.flags.includes("jitter");

export function metresBetween(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const dLat = (b.lat - a.lat) * rad;
  const dLng = (b.lng - a.lng) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLng / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Lines where the way is known, dashes where it is not, rings for what nobody believes. */
export function trailToFeatures(trail: Trail | null): GeoJSON.FeatureCollection {
  if (!trail) return collection<GeoJSON.Geometry>([]);
  const features: GeoJSON.Feature[] = [];
  const line = (part: string, coordinates: [number, number][]) =>
    coordinates.length > 1 && features.push({ type: "Feature", geometry: { type: "LineString", coordinates }, properties: { part } });
  const at = (point: Place): [number, number] => [point.lng, point.lat];
  let run: [number, number][] = [];
  let before: TrailPoint | null = null;
  let heard = 0;
  for (const point of trail.points) {
    if (point.unused) {
      features.push({ type: "Feature", geometry: { type: "Point", coordinates: at(point) }, properties: { part: isTremble(point) ? "tremble" : "unused" } });
      heard = point.at;
      continue;
    }
    if (before && point.at - heard > GAP_MS) {
      line("used", run);
      line("gap", [at(before), at(point)]);
      run = [];
    }
    if (!before) features.push({ type: "Feature", geometry: { type: "Point", coordinates: at(point) }, properties: { part: "start" } });
    run.push(at(point));
    before = point;
    heard = point.at;
  }
  line("used", run);
  return collection(features);
}

/** The point of the trail nearest to a place, if it is near enough. */
export function nearestOnTrail(held: Trail | null, place: Place, withinM: number): TrailPoint | null {
  let best: TrailPoint | null = null;
  let least = withinM;
  for (const point of held?.points ?? []) {
    const metres = metresBetween(point, place);
    if (metres < least) [best, least] = [point, metres];
  }
  return best;
}
