// Makes a MapLibre map that needs nothing from outside but what the operator
// chose: its worker is our own file, its pictures are drawn in the browser.
import * as maplibre from "maplibre-gl";
import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { m } from "../messages";
import { COLOURS, type Theme } from "./colours";
import { EMPTY, ground, outlinesBecause, trouble, type Ground } from "./ground";
import { draw } from "./pins";
import { countries } from "./world";

maplibre.setWorkerUrl(workerUrl);

/** How long somebody else's style may take before the outlines stand in for it. */
const FOREIGN_MS = 15_000;

export interface Options { container: HTMLElement; theme: () => Theme; centre: [number, number]; zoom: number }

/** Null where the browser has no WebGL. `load` is fired once the ground is there, whichever it is. */
export function makeMap(options: Options): maplibre.Map | null {
  let map: maplibre.Map;
  try {
    map = new maplibre.Map({
      container: options.container, center: options.centre, zoom: options.zoom, attributionControl: false, dragRotate: false,
      pitchWithRotate: false, maxPitch: 0, fadeDuration: 0, renderWorldCopies: true, canvasContextAttributes: { antialias: false },
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
  let gone = false;
  map.on("remove", () => { gone = true; });
  void ground().then((found) => !gone && stand(map, found, options.theme));
  return map;
}

function stand(map: maplibre.Map, found: Ground, theme: () => Theme): void {
  grounds.set(map, found);
  map.setStyle(found.style(theme()), { diff: false });
  if (found.foreign) {
    let loaded = false;
    map.once("load", () => { loaded = true; });
    const late = setTimeout(() => !loaded && stand(map, outlinesBecause(m.map.styleFails), theme), FOREIGN_MS);
    map.once("remove", () => clearTimeout(late));
  }
  map.on("error", (event) => {
    // A missing tile of many is no news; a source that cannot be read at all is.
    console.info("map", event.error?.message);
  });
  void countries().then((data) => (map.getSource("world") as maplibre.GeoJSONSource | undefined)?.setData(data));
  if (found.streets) {
    map.once("load", () => (map.getSource("streets") as maplibre.GeoJSONSource | undefined)?.setData(found.streets!));
  }
}
const grounds = new WeakMap<maplibre.Map, Ground>();
export const boundsOfGround = (map: maplibre.Map) => grounds.get(map)?.bounds;
export { trouble };

/** The theme's colours for layers that are already there. */
export function repaint(map: maplibre.Map, theme: Theme): void {
  const found = grounds.get(map);
  const own = found && !found.foreign ? found.style(theme).layers : [];
  for (const layer of [...own, ...floorLayers(theme)]) {
    if (!map.getLayer(layer.id)) continue;
    for (const [name, value] of Object.entries(layer.paint ?? {})) map.setPaintProperty(layer.id, name as never, value as never);
  }
}

/** What is chosen stands out from its neighbours. */
const sized = (size: number): ExpressionSpecification => ["case", ["==", ["get", "chosen"], true], size * 1.5, size];
const CHOSEN: FilterSpecification = ["==", ["get", "chosen"], true];
const ALONE: FilterSpecification = ["!", ["has", "point_count"]];
const MOVING: FilterSpecification = ["all", ["!", ["has", "point_count"]], ["has", "heading"]] as FilterSpecification;
const DOT_SIZE: ExpressionSpecification = ["interpolate", ["linear"], ["zoom"], 9, 0.6, 12, 0.9, 14, 1.1];

/** Discs carry initials; of many people only near by, where they can be read. */
export const WITH_INITIALS: ExpressionSpecification = ["get", "icon"];
export const INITIALS_NEAR: ExpressionSpecification = ["step", ["zoom"], ["get", "plain"], 13, ["get", "icon"]];

function floorLayers(theme: Theme): LayerSpecification[] {
  const c = COLOURS[theme];
  const overlapping = { "icon-allow-overlap": true, "icon-ignore-placement": true } as const;
  return [
    { id: "fences", type: "fill", source: "fences", minzoom: 12, paint: { "fill-color": c.fence, "fill-opacity": ["case", ["==", ["get", "chosen"], true], 0.18, 0.08] } },
    { id: "fence-lines", type: "line", source: "fences", minzoom: 12,
      paint: { "line-color": c.fence, "line-width": ["case", ["==", ["get", "chosen"], true], 2, 1.2], "line-opacity": 0.75, "line-dasharray": [3, 2] } },
    { id: "accuracy", type: "fill", source: "accuracy", paint: { "fill-color": c.halo, "fill-opacity": 0.13 } },
    { id: "accuracy-line", type: "line", source: "accuracy", paint: { "line-color": c.halo, "line-width": 1, "line-opacity": 0.5 } },
    { id: "trail-casing", type: "line", source: "trail", filter: ["==", ["get", "part"], "used"], layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": c.trailCasing, "line-width": 6, "line-opacity": 0.7 } },
    { id: "trail", type: "line", source: "trail", filter: ["==", ["get", "part"], "used"], layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": c.trail, "line-width": 3, "line-opacity": 0.85 } },
    { id: "trail-gap", type: "line", source: "trail", filter: ["==", ["get", "part"], "gap"],
      paint: { "line-color": c.trail, "line-width": 2, "line-opacity": 0.45, "line-dasharray": [1.5, 2] } },
    { id: "trail-unused", type: "circle", source: "trail", filter: ["==", ["get", "part"], "unused"],
      paint: { "circle-radius": 3.5, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": c.trail, "circle-stroke-width": 1.2, "circle-stroke-opacity": 0.5 } },
    { id: "trail-tremble", type: "circle", source: "trail", filter: ["==", ["get", "part"], "tremble"], minzoom: 13,
      paint: { "circle-radius": 1.5, "circle-color": c.trail, "circle-opacity": 0.25 } },
    { id: "trail-ends", type: "circle", source: "trail", filter: ["==", ["get", "part"], "start"],
      paint: { "circle-radius": 4.5, "circle-color": c.trailCasing, "circle-stroke-color": c.trail, "circle-stroke-width": 2.5 } },
    { id: "visit-halo", type: "circle", source: "visits", filter: CHOSEN,
      paint: { "circle-radius": 13, "circle-color": c.halo, "circle-opacity": 0.22, "circle-stroke-width": 2, "circle-stroke-color": c.halo } },
    { id: "visits", type: "symbol", source: "visits", layout: {
      "icon-image": ["get", "icon"], "icon-anchor": "bottom", ...overlapping,
      "symbol-sort-key": ["get", "order"], "icon-size": ["interpolate", ["linear"], ["zoom"], 9, sized(0.4), 12, sized(0.6), 15, sized(1)],
    } },
    { id: "worker-halo", type: "circle", source: "workers", filter: CHOSEN,
      paint: { "circle-radius": 18, "circle-opacity": 0, "circle-stroke-width": 3, "circle-stroke-color": c.halo } },
    { id: "headings", type: "symbol", source: "workers", filter: MOVING, minzoom: 10, layout: {
      "icon-image": ["concat", "heading:", ["get", "tone"]], "icon-rotate": ["get", "heading"], "icon-rotation-alignment": "map",
      ...overlapping, "symbol-sort-key": ["get", "order"], "icon-size": DOT_SIZE,
    }, paint: { "icon-opacity": ["get", "opacity"] } },
    { id: "workers", type: "symbol", source: "workers", filter: ALONE, layout: {
      "icon-image": WITH_INITIALS, ...overlapping, "symbol-sort-key": ["get", "order"], "icon-size": DOT_SIZE,
    }, paint: { "icon-opacity": ["get", "opacity"] } },
    { id: "clusters", type: "symbol", source: "workers", filter: ["has", "point_count"], layout: {
      "icon-image": ["concat", "cluster:", ["get", "point_count_abbreviated"], ":", ["to-string", ["round", ["*", 10, ["/", ["get", "online"], ["get", "point_count"]]]]]],
      ...overlapping,
    } },
    { id: "far", type: "symbol", source: "far", layout: { "icon-image": ["get", "icon"], ...overlapping } },
  ];
}

/** The layers of the floor itself, from the ground up. */
export function addFloor(map: maplibre.Map, theme: Theme): void {
  for (const id of ["accuracy", "trail", "visits", "fences", "far"]) map.addSource(id, { type: "geojson", data: EMPTY });
  map.addSource("workers", {
    type: "geojson", data: EMPTY, promoteId: "id", cluster: false, clusterRadius: 46, clusterMaxZoom: 12,
    clusterProperties: { online: ["+", ["case", ["get", "online"], 1, 0]] }, maxzoom: 14,
  });
  for (const layer of floorLayers(theme)) map.addLayer(layer);
}

export { EMPTY };
export type { GeoJSONSource, GeoJSONSourceDiff, Map as LibreMap, MapMouseEvent } from "maplibre-gl";
