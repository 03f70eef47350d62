// The zone around a property in which a phone counts as there: a circle, or a
// polygon that somebody drew. Places without one of their own get a circle.
import type { Geofence, Place, Property, Visit } from "../api/types";
import { circle, collection } from "./features";

export const DEFAULT_RADIUS_M = 100;
export const MIN_RADIUS_M = 20;
export const MAX_RADIUS_M = 5_000;

export function fenceShape(place: Place | null | undefined, fence: Geofence | null | undefined): GeoJSON.Polygon | null {
  if (fence?.type === "polygon" && fence.coordinates?.length) {
    const ring = fence.coordinates.map(([lng, lat]) => [lng, lat]);
    const [first, last] = [ring[0]!, ring.at(-1)!];
    if (first[0] !== last[0] || first[1] !== last[1]) ring.push([...first]);
    return ring.length > 3 ? { type: "Polygon", coordinates: [ring] } : null;
  }
  return place ? circle(place, (fence?.type === "circle" && fence.radiusM) || DEFAULT_RADIUS_M).geometry : null;
}

/** One zone for each place, however many visits go there; that of the chosen visit stands out. */
export function fencesToFeatures(visits: Visit[], propertyOf: (visit: Visit) => Property | undefined, chosenId: string | null): GeoJSON.FeatureCollection {
  const found = new Map<string, GeoJSON.Feature>();
  for (const visit of visits) {
    const property = propertyOf(visit);
    const place = property?.location ?? visit.location;
    const shape = fenceShape(place, property?.geofence);
    const key = property?.id ?? (place ? `${place.lat},${place.lng}` : "");
    if (!shape || (found.has(key) && visit.id !== chosenId)) continue;
    found.set(key, { type: "Feature", geometry: shape, properties: { chosen: visit.id === chosenId } });
  }
  return collection([...found.values()]);
}
