// Makes a MapLibre map that needs nothing from outside: its worker is our own
// file, its style is made here, its pictures are drawn in the browser.
import * as maplibre from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { draw } from "./pins";
import { collection } from "./features";
import { countries } from "./world";

maplibre.setWorkerUrl(workerUrl);

export type Theme = "light" | "dark";
const COLOURS = {
  light: { land: "#eef0ec", block: "#e4e7e1", park: "#d3e5cd", water: "#bcd6ea", border: "#c3c8bf", minor: "#ffffff", main: "#fffdf6", casing: "#d5d9d0", trail: "#2563c9", halo: "#1f6feb" },
  dark: { land: "#181c22", block: "#1f242c", park: "#1c2b23", water: "#15293b", border: "#333b46", minor: "#2c333d", main: "#3a424e", casing: "#12151a", trail: "#7fb0ff", halo: "#7fb0ff" },
};

export const EMPTY = collection<GeoJSON.Geometry>([]);

let basemap: Promise<GeoJSON.FeatureCollection> | null = null;
/** The operator's own streets, if the server has any. */
export function streets(): Promise<GeoJSON.FeatureCollection> {
  basemap ??= fetch("/api/v1/basemap", { headers: { Accept: "application/geo+json, application/json" } })
    .then((response) => (response.status === 200 ? (response.json() as Promise<GeoJSON.FeatureCollection>) : EMPTY))
    .catch(() => EMPTY);
  return basemap;
}

// The world's outline is drawn for orientation; nearer than this it would be
// wrong by streets, and the plain land takes over.
const COARSE_FROM = 7;
const COARSE_TO = 9;
type Colours = (typeof COLOURS)[Theme];
const groundColour = (c: Colours): maplibre.ExpressionSpecification =>
  ["interpolate", ["linear"], ["zoom"], COARSE_FROM, c.water, COARSE_TO, c.land];

function classIs(name: string): maplibre.FilterSpecification {
  return ["==", ["get", "class"], name];
}
const growing = (small: number, large: number): maplibre.ExpressionSpecification =>
  ["interpolate", ["exponential", 1.6], ["zoom"], 11, small, 17, large];

/** What is chosen stands out from its neighbours. */
const sized = (size: number): maplibre.ExpressionSpecification => ["case", ["==", ["get", "chosen"], true], size * 1.5, size];

function style(theme: Theme): maplibre.StyleSpecification {
  const c = COLOURS[theme];
  return {
    version: 8,
    transition: { duration: 0, delay: 0 },
    sources: { world: { type: "geojson", data: EMPTY }, streets: { type: "geojson", data: EMPTY } },
    layers: [
      { id: "land", type: "background", paint: { "background-color": groundColour(c) } },
      { id: "countries", type: "fill", source: "world", maxzoom: COARSE_TO, paint: { "fill-color": c.land } },
      { id: "borders", type: "line", source: "world", maxzoom: COARSE_TO,
        paint: { "line-color": c.border, "line-width": 1, "line-opacity": ["interpolate", ["linear"], ["zoom"], COARSE_FROM, 1, COARSE_TO, 0] } },
      { id: "block", type: "fill", source: "streets", filter: classIs("block"), paint: { "fill-color": c.block } },
      { id: "park", type: "fill", source: "streets", filter: classIs("park"), paint: { "fill-color": c.park } },
      { id: "water", type: "fill", source: "streets", filter: classIs("water"), paint: { "fill-color": c.water } },
      { id: "minor-casing", type: "line", source: "streets", filter: classIs("minor"), minzoom: 12,
        layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.casing, "line-width": growing(1.2, 13) } },
      { id: "main-casing", type: "line", source: "streets", filter: classIs("main"),
        layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.casing, "line-width": growing(2.6, 21) } },
      { id: "minor", type: "line", source: "streets", filter: classIs("minor"),
        layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.minor, "line-width": growing(0.7, 10) } },
      { id: "main", type: "line", source: "streets", filter: classIs("main"),
        layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": c.main, "line-width": growing(1.8, 17) } },
    ],
  };
}

export interface Options { container: HTMLElement; theme: Theme; centre: [number, number]; zoom: number }

/** Null where the browser has no WebGL. */
export function makeMap(options: Options): maplibre.Map | null {
  let map: maplibre.Map;
  try {
    map = new maplibre.Map({
      container: options.container, style: style(options.theme), center: options.centre, zoom: options.zoom,
      attributionControl: false, dragRotate: false, pitchWithRotate: false, maxPitch: 0, fadeDuration: 0, renderWorldCopies: true,
    });
  } catch {
    return null;
  }
  map.touchZoomRotate.disableRotation();
  map.setMissingStyleImageResolver((name) => {
    const picture = draw(name);
    if (picture && !map.hasImage(name)) {
      map.addImage(name, { width: picture.width, height: picture.height, data: picture.data }, { pixelRatio: picture.ratio });
    }
  });
  map.on("load", () => {
    void countries().then((data) => (map.getSource("world") as maplibre.GeoJSONSource | undefined)?.setData(data));
    void streets().then((data) => (map.getSource("streets") as maplibre.GeoJSONSource | undefined)?.setData(data));
  });
  return map;
}

/** The theme's colours for layers that are already there. */
export function repaint(map: maplibre.Map, theme: Theme): void {
  const c = COLOURS[theme];
  map.setPaintProperty("land", "background-color", groundColour(c));
  map.setPaintProperty("countries", "fill-color", c.land);
  map.setPaintProperty("borders", "line-color", c.border);
  for (const id of ["block", "park", "water"] as const) map.setPaintProperty(id, "fill-color", c[id]);
  for (const id of ["minor", "main"] as const) {
    map.setPaintProperty(id, "line-color", c[id]);
    map.setPaintProperty(`${id}-casing`, "line-color", c.casing);
  }
  if (map.getLayer("trail")) map.setPaintProperty("trail", "line-color", c.trail);
  if (map.getLayer("worker-halo")) map.setPaintProperty("worker-halo", "circle-stroke-color", c.halo);
  if (map.getLayer("visit-halo")) map.setPaintProperty("visit-halo", "circle-stroke-color", c.halo);
}

/** The layers of the floor itself, from the ground up. */
export function addFloor(map: maplibre.Map, theme: Theme): void {
  const c = COLOURS[theme];
  for (const id of ["accuracy", "trail", "visits", "workers"]) map.addSource(id, { type: "geojson", data: EMPTY });
  map.addLayer({ id: "accuracy", type: "fill", source: "accuracy", paint: { "fill-color": c.halo, "fill-opacity": 0.14 } });
  map.addLayer({ id: "trail", type: "line", source: "trail", layout: { "line-cap": "round", "line-join": "round" },
    paint: { "line-color": c.trail, "line-width": 3, "line-opacity": 0.65 } });
  map.addLayer({ id: "visit-halo", type: "circle", source: "visits", filter: ["==", ["get", "chosen"], true],
    paint: { "circle-radius": 13, "circle-color": c.halo, "circle-opacity": 0.22, "circle-stroke-width": 2, "circle-stroke-color": c.halo } });
  map.addLayer({ id: "visits", type: "symbol", source: "visits", layout: {
    "icon-image": ["get", "icon"], "icon-anchor": "bottom", "icon-allow-overlap": true, "icon-ignore-placement": true,
    "symbol-sort-key": ["get", "order"], "icon-size": ["interpolate", ["linear"], ["zoom"], 9, sized(0.4), 12, sized(0.6), 15, sized(1)],
  } });
  map.addLayer({ id: "worker-halo", type: "circle", source: "workers", filter: ["==", ["get", "chosen"], true],
    paint: { "circle-radius": 18, "circle-opacity": 0, "circle-stroke-width": 3, "circle-stroke-color": c.halo } });
  map.addLayer({ id: "workers", type: "symbol", source: "workers", layout: {
    "icon-image": ["get", "icon"], "icon-allow-overlap": true, "icon-ignore-placement": true,
    "symbol-sort-key": ["get", "order"], "icon-size": ["interpolate", ["linear"], ["zoom"], 9, 0.6, 12, 0.9, 14, 1.1],
  }, paint: { "icon-opacity": ["get", "opacity"] } });
}

export type { GeoJSONSource, Map as LibreMap, MapMouseEvent } from "maplibre-gl";
