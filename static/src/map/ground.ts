// What the map stands on, as the server says: outlines of the countries, a
// generated city's streets, an archive of tiles, or somebody's style. Whatever
// fails, the outlines remain and the reason is told.
import { addProtocol, type ExpressionSpecification, type FilterSpecification, type LayerSpecification, type StyleSpecification } from "maplibre-gl";
import type { Protocol } from "pmtiles";
import { createSignal } from "solid-js";
import { get } from "../api/http";
import type { Resource } from "../api/types";
import { m } from "../messages";
import { COLOURS, type Colours, type Theme } from "./colours";
import { collection } from "./features";
import { schemaOf, tileLayers, TILES } from "./tiles";

interface Described {
  kind: "none" | "streets" | "pmtiles" | "style";
  url?: string | null;
  attribution?: string | null;
  tiles?: "vector" | "raster";
  bounds?: [number, number, number, number];
  maxZoom?: number;
  minZoom?: number;
  problem?: string;
}
export interface Ground {
  style: (theme: Theme) => StyleSpecification;
  /** Colours of its own, which no theme of ours touches. */
  foreign: boolean;
  streets?: GeoJSON.FeatureCollection;
  bounds?: [number, number, number, number];
}

export const EMPTY = collection<GeoJSON.Geometry>([]);
const [attribution, setAttribution] = createSignal("");
const [trouble, setTrouble] = createSignal("");
/** Whom the map is owed to, and what is missing of it. */
export { attribution, trouble };

let asked: Promise<Ground> | null = null;
export function ground(): Promise<Ground> {
  asked ??= find().catch(() => {
    // Without a connection just now; the next map asks again.
    asked = null;
    return outlines();
  });
  return asked;
}

/** From now on there are outlines only, and a sentence why. */
export function outlinesBecause(reason: string): Ground {
  setTrouble(reason);
  setAttribution("");
  const bare = outlines();
  asked = Promise.resolve(bare);
  return bare;
}

async function find(): Promise<Ground> {
  const { data } = await get<Resource<Described>>("/basemap");
  const told = data.attributes;
  setTrouble(told.problem ?? "");
  setAttribution(told.attribution ?? "");
  if (!told.url) return outlines();
  try {
    if (told.kind === "pmtiles") return await archive(told, told.url);
    if (told.kind === "style") return await foreign(told.url);
    const response = await fetch(told.url);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return { ...outlines(), streets: (await response.json()) as GeoJSON.FeatureCollection };
  } catch (error) {
    console.info("basemap", error);
    return outlinesBecause(told.kind === "style" ? m.map.styleFails : m.map.tilesFail);
  }
}

let protocol: Protocol | null = null;
async function archive(told: Described, url: string): Promise<Ground> {
  const pmtiles = await import("pmtiles");
  const opened = new pmtiles.PMTiles(new URL(url, location.href).href);
  const [header, about] = await Promise.all([opened.getHeader(), opened.getMetadata() as Promise<{ vector_layers?: { id: string }[] }>]);
  if (!protocol) {
    protocol = new pmtiles.Protocol();
    addProtocol("pmtiles", protocol.tile);
  }
  protocol.add(opened);
  const source = `pmtiles://${opened.source.getKey()}`;
  const bounds = told.bounds;
  if (told.tiles === "raster") {
    return { foreign: false, bounds, style: (theme) => style(theme, { type: "raster", url: source, tileSize: 256 }, () =>
      [{ id: "t-pictures", type: "raster", source: TILES }]) };
  }
  const layers = (about?.vector_layers ?? []).map((one) => one.id);
  const schema = schemaOf(layers);
  if (!schema) return outlinesBecause(m.map.tilesUnknown);
  const near = header.minZoom;
  return { foreign: false, bounds, style: (theme) => style(theme, { type: "vector", url: source }, (c) => tileLayers(schema, c, layers), near > 4) };
}

async function foreign(url: string): Promise<Ground> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const found = (await response.json()) as StyleSpecification;
  if (found.version !== 8 || !Array.isArray(found.layers)) throw new Error("not a style");
  for (const source of Object.values(found.sources ?? {})) {
    // What is relative in a style is meant relative to it.
    if ("url" in source && typeof source.url === "string" && !/^[a-z]+:/i.test(source.url)) source.url = new URL(source.url, url).href;
    if ("tiles" in source && source.tiles) source.tiles = source.tiles.map((one) => (/^[a-z]+:/i.test(one) ? one : new URL(one, url).href.replace(/%7B/g, "{").replace(/%7D/g, "}")));
    if ("attribution" in source && source.attribution) setAttribution(wordsOf(source.attribution));
  }
  return { foreign: true, style: () => structuredClone({ ...found, transition: { duration: 0, delay: 0 } }) };
}

/** Attributions come as markup; only their words are shown. */
function wordsOf(markup: string): string {
  return new DOMParser().parseFromString(markup, "text/html").body.textContent?.trim() ?? "";
}

function outlines(): Ground {
  return { foreign: false, style: (theme) => style(theme) };
}

// The world's outline is drawn for orientation; nearer than this it would be
// wrong by streets, and the plain land takes over.
const COARSE_FROM = 7;
const COARSE_TO = 9;
const groundColour = (c: Colours): ExpressionSpecification => ["interpolate", ["linear"], ["zoom"], COARSE_FROM, c.water, COARSE_TO, c.land];
const classIs = (name: string): FilterSpecification => ["==", ["get", "class"], name];
const growing = (small: number, large: number): ExpressionSpecification => ["interpolate", ["exponential", 1.6], ["zoom"], 11, small, 17, large];

type Source = StyleSpecification["sources"][string];
function style(theme: Theme, tiles?: Source, layers?: (c: Colours) => LayerSpecification[], withOutlines = true): StyleSpecification {
  const c = COLOURS[theme];
  const world: LayerSpecification[] = [
    { id: "countries", type: "fill", source: "world", maxzoom: COARSE_TO, paint: { "fill-color": c.land } },
    { id: "borders", type: "line", source: "world", maxzoom: COARSE_TO,
      paint: { "line-color": c.border, "line-width": 1, "line-opacity": ["interpolate", ["linear"], ["zoom"], COARSE_FROM, 1, COARSE_TO, 0] } },
  ];
  return {
    version: 8,
    transition: { duration: 0, delay: 0 },
    sources: { world: { type: "geojson", data: EMPTY }, streets: { type: "geojson", data: EMPTY }, ...(tiles ? { [TILES]: tiles } : {}) },
    layers: [
      { id: "land", type: "background", paint: { "background-color": groundColour(c) } },
      ...(withOutlines ? world : []), ...(layers ? layers(c) : generatedStreets(c)),
    ],
  };
}

function generatedStreets(c: Colours): LayerSpecification[] {
  const area = (id: "block" | "park" | "water"): LayerSpecification =>
    ({ id, type: "fill", source: "streets", filter: classIs(id), paint: { "fill-color": c[id] } });
  const line = (id: string, name: string, colour: string, width: ExpressionSpecification, minzoom = 0): LayerSpecification =>
    ({ id, type: "line", source: "streets", filter: classIs(name), minzoom, layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colour, "line-width": width } });
  return [
    area("block"), area("park"), area("water"),
    line("minor-casing", "minor", c.casing, growing(1.2, 13), 12), line("main-casing", "main", c.casing, growing(2.6, 21)),
    line("minor", "minor", c.minor, growing(0.7, 10)), line("main", "main", c.main, growing(1.8, 17)),
    { id: "street-names", type: "symbol", source: "streets", minzoom: 14, filter: ["has", "name"],
      layout: { "symbol-placement": "line", "text-field": ["get", "name"], "text-font": ["Noto Sans", "system-ui"], "text-size": ["interpolate", ["linear"], ["zoom"], 14, 10, 17, 13.5],
        "symbol-spacing": 360, "text-padding": 6 },
      paint: { "text-color": c.label, "text-halo-color": c.labelHalo, "text-halo-width": 1.4 } },
  ];
}
