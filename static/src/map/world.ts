// The countries of the world (Natural Earth, 1:50 million), from our own
// server, so that an empty map still says where one is.
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import url from "world-atlas/countries-50m.json?url";
import { collection } from "./features";

let world: Promise<GeoJSON.FeatureCollection> | null = null;

export function countries(): Promise<GeoJSON.FeatureCollection> {
  world ??= fetch(url)
    .then((response) => response.json() as Promise<Topology<{ countries: GeometryCollection }>>)
    .then((topology) => feature(topology, topology.objects.countries) as GeoJSON.FeatureCollection)
    .catch(() => {
      // Without a connection just now; the next map asks again.
      world = null;
      return collection<GeoJSON.Geometry>([]);
    });
  return world;
}

const LATITUDES: Record<string, number> = { Europe: 48, America: 39, Asia: 30, Africa: 4, Australia: -28, Pacific: -30, Atlantic: 40, Indian: -10 };
/** Roughly where people of a time zone are, for a map that has nothing to show yet. */
export function centreOf(zone: string, offsetMinutes: number): [number, number] {
  const lat = LATITUDES[zone.split("/")[0] ?? ""] ?? 30;
  return [Math.max(-180, Math.min(180, offsetMinutes / 4)), lat];
}
