// Our own style for vector tiles, for the layer names of Protomaps and of
// OpenMapTiles. Letters come from the browser's fonts: no glyph server.
import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from "maplibre-gl";
import type { Colours } from "./colours";

export const TILES = "tiles";
export type Schema = "protomaps" | "openmaptiles";
const FONT = ["Noto Sans", "system-ui"];
const BOLD = ["Noto Sans Medium", "system-ui"];

/** Null for tiles whose layers nobody here knows. */
export function schemaOf(layers: string[]): Schema | null {
  if (layers.includes("transportation")) return "openmaptiles";
  return layers.includes("roads") || layers.includes("water") ? "protomaps" : null;
}

interface Part { from: string; filter?: FilterSpecification }
type Role = "earth" | "park" | "wood" | "built" | "water" | "stream" | "building" | "border" | "rail" | "path" | "service" | "minor"
  | "main" | "highway" | "roadName" | "highwayName" | "waterName" | "quarter" | "town" | "city" | "country";

const is = (key: string, ...values: string[]): FilterSpecification => ["in", ["get", key], ["literal", values]];
const both = (...parts: FilterSpecification[]): FilterSpecification => ["all", ...parts] as FilterSpecification;
const shape = (kind: "Polygon" | "LineString"): FilterSpecification =>
  kind === "Polygon" ? ["in", ["geometry-type"], ["literal", ["Polygon", "MultiPolygon"]]] : ["in", ["geometry-type"], ["literal", ["LineString", "MultiLineString"]]];
const SERVICE = ["service", "track", "driveway", "living_street", "pedestrian"];

const PARTS: Record<Schema, Record<Role, Part>> = {
  protomaps: {
    earth: { from: "earth", filter: shape("Polygon") },
    park: { from: "landuse", filter: is("kind", "park", "garden", "grass", "grassland", "meadow", "pitch", "playground", "recreation_ground", "golf_course",
      "cemetery", "village_green", "allotments", "nature_reserve", "orchard", "vineyard", "greenfield", "national_park", "protected_area") },
    wood: { from: "landuse", filter: is("kind", "forest", "wood", "scrub") },
    built: { from: "landuse", filter: is("kind", "residential", "commercial", "industrial", "retail", "school", "university", "college", "hospital", "railway", "religious", "military") },
    water: { from: "water", filter: shape("Polygon") },
    stream: { from: "water", filter: shape("LineString") },
    building: { from: "buildings", filter: shape("Polygon") },
    border: { from: "boundaries" },
    rail: { from: "roads", filter: is("kind", "rail") },
    path: { from: "roads", filter: is("kind", "path") },
    service: { from: "roads", filter: both(is("kind", "minor_road"), is("kind_detail", ...SERVICE)) },
    minor: { from: "roads", filter: both(is("kind", "minor_road"), ["!", is("kind_detail", ...SERVICE)] as FilterSpecification) },
    main: { from: "roads", filter: is("kind", "major_road") },
    highway: { from: "roads", filter: is("kind", "highway") },
    roadName: { from: "roads", filter: is("kind", "minor_road", "major_road", "other") },
    highwayName: { from: "roads", filter: is("kind", "highway") },
    waterName: { from: "water", filter: shape("LineString") },
    quarter: { from: "places", filter: both(is("kind", "neighbourhood", "macrohood"), is("kind_detail", "suburb", "neighbourhood", "quarter")) },
    town: { from: "places", filter: is("kind_detail", "town", "village", "hamlet", "locality") },
    city: { from: "places", filter: is("kind_detail", "city") },
    country: { from: "places", filter: is("kind", "country") },
  },
  openmaptiles: {
    earth: { from: "-" },
    park: { from: "landcover", filter: is("class", "grass", "farmland") },
    wood: { from: "landcover", filter: is("class", "wood") },
    built: { from: "landuse", filter: is("class", "residential", "commercial", "industrial", "retail", "school", "university", "hospital", "railway") },
    water: { from: "water" },
    stream: { from: "waterway" },
    building: { from: "building" },
    border: { from: "boundary", filter: ["<=", ["get", "admin_level"], 4] },
    rail: { from: "transportation", filter: is("class", "rail", "transit") },
    path: { from: "transportation", filter: is("class", "path") },
    service: { from: "transportation", filter: is("class", "service", "track") },
    minor: { from: "transportation", filter: is("class", "minor") },
    main: { from: "transportation", filter: is("class", "primary", "secondary", "tertiary") },
    highway: { from: "transportation", filter: is("class", "motorway", "trunk") },
    roadName: { from: "transportation_name", filter: is("class", "primary", "secondary", "tertiary", "minor", "service") },
    highwayName: { from: "transportation_name", filter: is("class", "motorway", "trunk") },
    waterName: { from: "waterway" },
    quarter: { from: "place", filter: is("class", "suburb", "neighbourhood", "quarter") },
    town: { from: "place", filter: is("class", "town", "village", "hamlet") },
    city: { from: "place", filter: is("class", "city") },
    country: { from: "place", filter: is("class", "country") },
  },
};

/** Wider with every step nearer, as streets are. */
const growing = (at8: number, at12: number, at16: number, at19: number): ExpressionSpecification =>
  ["interpolate", ["exponential", 1.5], ["zoom"], 8, at8, 12, at12, 16, at16, 19, at19];
const NAME: ExpressionSpecification = ["coalesce", ["get", "name"], ["get", "name:latin"], ""];

/** The ground, from the earth up. */
export function tileLayers(schema: Schema, c: Colours, present: string[]): LayerSpecification[] {
  const parts = PARTS[schema];
  const of = (role: Role) => ({
    source: TILES, "source-layer": parts[role].from, ...(parts[role].filter ? { filter: parts[role].filter } : {}),
  });
  const area = (id: Role, colour: string, minzoom = 0): LayerSpecification =>
    ({ id: `t-${id}`, type: "fill", ...of(id), minzoom, paint: { "fill-color": colour, "fill-antialias": id !== "building" } });
  const line = (id: string, role: Role, colour: string, width: ExpressionSpecification, minzoom: number, dash?: number[]): LayerSpecification =>
    ({ id: `t-${id}`, type: "line", ...of(role), minzoom, layout: { "line-cap": dash ? "butt" : "round", "line-join": "round" },
      paint: { "line-color": colour, "line-width": width, ...(dash ? { "line-dasharray": dash } : {}) } });
  const all: LayerSpecification[] = [
    area("earth", c.land), area("built", c.built), area("park", c.park), area("wood", c.wood), area("water", c.water),
    line("stream", "stream", c.water, growing(0.3, 1, 3, 8), 11),
    line("border", "border", c.border, growing(1, 1.2, 1.5, 2), 0),
    area("building", c.building, 14),
    line("rail", "rail", c.rail, growing(0.4, 0.8, 1.6, 3), 11),
    line("path", "path", c.path, growing(0, 0.3, 1.4, 4), 14, [2, 1.6]),
    line("service-casing", "service", c.casing, growing(0, 0.5, 5, 14), 14),
    line("minor-casing", "minor", c.casing, growing(0, 1, 9, 24), 12),
    line("main-casing", "main", c.casing, growing(0.8, 2.6, 13, 34), 8),
    line("highway-casing", "highway", c.casing, growing(1.4, 3.8, 15, 38), 6),
    line("service", "service", c.minor, growing(0, 0.3, 3.6, 12), 14),
    line("minor", "minor", c.minor, growing(0, 0.6, 7.4, 21), 12),
    line("main", "main", c.main, growing(0.5, 1.7, 11, 31), 8),
    line("highway", "highway", c.highway, growing(0.9, 2.7, 13, 35), 6),
    ...labels(of, c),
  ];
  return all.filter((layer) => "source-layer" in layer && present.includes(layer["source-layer"] as string));
}

function labels(of: (role: Role) => object, c: Colours): LayerSpecification[] {
  const halo = { "text-halo-color": c.labelHalo, "text-halo-width": 1.4, "text-halo-blur": 0.4 };
  const along = (id: Role, size: ExpressionSpecification, colour: string, minzoom: number): LayerSpecification => ({
    id: `t-${id}`, type: "symbol", ...of(id), minzoom,
    layout: { "symbol-placement": "line", "text-field": NAME, "text-font": FONT, "text-size": size, "symbol-spacing": 320, "text-max-angle": 30, "text-padding": 6 },
    paint: { "text-color": colour, ...halo },
  } as LayerSpecification);
  const at = (id: Role, font: string[], size: ExpressionSpecification, minzoom: number, maxzoom: number): LayerSpecification => ({
    id: `t-${id}`, type: "symbol", ...of(id), minzoom, maxzoom,
    layout: { "text-field": NAME, "text-font": font, "text-size": size, "text-max-width": 8, "text-padding": 4 },
    paint: { "text-color": id === "quarter" ? c.label : c.place, ...halo },
  } as LayerSpecification);
  const sized = (small: number, large: number): ExpressionSpecification => ["interpolate", ["linear"], ["zoom"], 11, small, 17, large];
  return [
    along("waterName", sized(10, 13), c.waterLabel, 13),
    along("roadName", sized(9.5, 13.5), c.label, 13),
    along("highwayName", sized(10, 13.5), c.label, 12),
    at("quarter", FONT, sized(10.5, 14), 12, 17),
    at("town", BOLD, sized(12, 17), 9, 16),
    at("city", BOLD, sized(14, 20), 4, 14),
    at("country", BOLD, ["interpolate", ["linear"], ["zoom"], 2, 10, 6, 16], 1, 7),
  ];
}
