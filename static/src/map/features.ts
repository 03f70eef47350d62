// Turns people and visits into GeoJSON, purely: what is drawn where, how faded,
// under which name. No map library here.
import type { LivePosition, Place, Visit } from "../api/types";

export const FRESH_MS = 2 * 60_000;
export const FADED_MS = 30 * 60_000;

/** Full while the fix is fresh, then fading to a third, in steps: each step is something the map has to be told. */
export function opacityOf(ageMs: number): number {
  if (ageMs <= FRESH_MS) return 1;
  const part = Math.min(1, (ageMs - FRESH_MS) / (FADED_MS - FRESH_MS));
  return Math.round((1 - 0.65 * part) * 20) / 20;
}

export type Tone = "idle" | "traveling" | "onSite" | "inProgress" | "paused" | "stale" | "lost";
export function toneOf(live: LivePosition): Tone {
  if (live.presence === "lost" || live.presence === "stale") return live.presence;
  const status = live.visitStatus;
  return status === "traveling" || status === "onSite" || status === "inProgress" || status === "paused" ? status : "idle";
}

const WALKING_MPS = 1;
const TURN_DEG = 10;
/** Where somebody is going, in steps; null for one who stands, or whose heading is too old to be true. */
export function headingOf(live: LivePosition): number | null {
  if (live.presence !== "online" || live.headingDeg == null || (live.speedMps ?? 0) < WALKING_MPS) return null;
  return (Math.round(live.headingDeg / TURN_DEG) * TURN_DEG) % 360;
}

export interface Cluster { id: string; lat: number; lng: number; count: number; online: number }
export function clustersToFeatures(clusters: Iterable<Cluster>): GeoJSON.FeatureCollection<GeoJSON.Point> {
  return collection([...clusters].map((one) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [one.lng, one.lat] },
    properties: { count: one.count, online: one.online, icon: `cluster:${shortly(one.count)}:${Math.round((10 * one.online) / Math.max(1, one.count))}` },
  })));
}
/** As the map library abbreviates: 999, 1k, 1.2k, 12k. */
function shortly(n: number): string {
  return n >= 10_000 ? `${Math.round(n / 1000)}k` : n >= 1000 ? `${Math.round(n / 100) / 10}k` : String(n);
}

export function visitsToFeatures(visits: Visit[], chosenId: string | null): GeoJSON.FeatureCollection<GeoJSON.Point> {
  return collection(visits.filter((visit) => visit.location).map((visit) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [visit.location!.lng, visit.location!.lat] },
    properties: { id: visit.id, icon: `visit:${visit.status}`, chosen: visit.id === chosenId, order: visit.id === chosenId ? 1 : 0 },
  })));
}

export function collection<G extends GeoJSON.Geometry>(features: GeoJSON.Feature<G>[]): GeoJSON.FeatureCollection<G> {
  return { type: "FeatureCollection", features };
}

/** A ring of `metres` around a place, for the accuracy of a fix. */
export function circle(place: Place, metres: number, steps = 48): GeoJSON.Feature<GeoJSON.Polygon> {
  const ring: [number, number][] = [];
  const perLat = 111_320;
  const perLng = perLat * Math.cos((place.lat * Math.PI) / 180);
  for (let i = 0; i <= steps; i += 1) {
    const angle = (i / steps) * 2 * Math.PI;
    ring.push([place.lng + (metres * Math.cos(angle)) / perLng, place.lat + (metres * Math.sin(angle)) / perLat]);
  }
  return { type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: {} };
}

export type Bounds = [[number, number], [number, number]];
/** The box around places, at least some hundred metres wide; null for none. */
export function boundsOf(places: Place[]): Bounds | null {
  if (places.length === 0) return null;
  let [west, south, east, north] = [180, 90, -180, -90];
  for (const place of places) {
    west = Math.min(west, place.lng);
    east = Math.max(east, place.lng);
    south = Math.min(south, place.lat);
    north = Math.max(north, place.lat);
  }
  const spare = 0.004;
  return [[west - spare, south - spare], [east + spare, north + spare]];
}

/** Where a moving dot is between two fixes; `part` from 0 to 1. */
export function between(from: Place, to: Place, part: number): Place {
  const eased = part >= 1 ? 1 : part * (2 - part);
  return { lat: from.lat + (to.lat - from.lat) * eased, lng: from.lng + (to.lng - from.lng) * eased };
}
