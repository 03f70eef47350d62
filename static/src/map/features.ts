// Turns people and visits into GeoJSON, purely: what is drawn where, how faded,
// under which name. No map library here.
import type { LivePosition, Place, Visit, VisitStatus } from "../api/types";

export const FRESH_MS = 2 * 60_000;
export const FADED_MS = 30 * 60_000;

/** Full while the fix is fresh, then fading to a third. */
export function opacityOf(ageMs: number): number {
  if (ageMs <= FRESH_MS) return 1;
  const part = Math.min(1, (ageMs - FRESH_MS) / (FADED_MS - FRESH_MS));
  return Math.round((1 - 0.67 * part) * 100) / 100;
}

export interface Dot { id: string; lat: number; lng: number; initials: string; tone: string; opacity: number; chosen: boolean }

export function toneOf(live: LivePosition): VisitStatus | "idle" | "lost" {
  if (live.presence === "lost" || live.presence === "stale") return "lost";
  const status = live.visitStatus;
  return status === "traveling" || status === "onSite" || status === "inProgress" || status === "paused" ? status : "idle";
}

export function dotsToFeatures(dots: Dot[]): GeoJSON.FeatureCollection<GeoJSON.Point> {
  return collection(dots.map((dot) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: [dot.lng, dot.lat] },
    properties: { id: dot.id, icon: `worker:${dot.tone}:${dot.initials}`, opacity: dot.opacity, chosen: dot.chosen, order: dot.chosen ? 1 : 0 },
  })));
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
