// A small map in a form: a click sets the place, the numbers beside it do too.
import { createEffect, onCleanup, onMount, Show, type JSX } from "solid-js";
import type { Geofence, Place } from "../api/types";
import { m } from "../messages";
import { allPositions, derived, floor, now, zone } from "../state/floor";
import { theme } from "../state/preferences";
import { COLOURS } from "./colours";
import { boundsOf, collection } from "./features";
import { fenceShape } from "./fences";
import { EMPTY, makeMap, type GeoJSONSource, type LibreMap } from "./setup";
import { centreOf } from "./world";
import { offsetMinutes } from "../time";

export function PlacePicker(props: {
  value: Place | null; onPick: (place: Place | null) => void; label: string; error?: string;
  /** The zone around the place, drawn with it. */
  fence?: Geofence;
}): JSX.Element {
  let box!: HTMLDivElement;
  let map: LibreMap | null = null;
  onMount(() => {
    map = makeMap({ container: box, theme, centre: centreOf(zone(), offsetMinutes(now(), zone())), zoom: 4 });
    if (!map) return;
    const made = map;
    const known = boundsOf([
      ...Object.values(floor.workers).flatMap((worker) => (worker.home ? [worker.home] : [])),
      ...allPositions().flatMap((live) => (live.lat != null && live.lng != null ? [{ lat: live.lat, lng: live.lng }] : [])),
      ...derived.visits().flatMap((visit) => (visit.location ? [visit.location] : [])),
    ]);
    if (props.value) made.jumpTo({ center: [props.value.lng, props.value.lat], zoom: 15 });
    else if (known) made.fitBounds(known, { padding: 20, maxZoom: 14, duration: 0 });
    made.on("load", () => {
      for (const id of ["fence", "place"]) made.addSource(id, { type: "geojson", data: EMPTY });
      const colour = COLOURS[theme()].fence;
      made.addLayer({ id: "fence", type: "fill", source: "fence", paint: { "fill-color": colour, "fill-opacity": 0.15 } });
      made.addLayer({ id: "fence-line", type: "line", source: "fence", paint: { "line-color": colour, "line-width": 1.5, "line-dasharray": [3, 2] } });
      made.addLayer({ id: "place", type: "symbol", source: "place",
        layout: { "icon-image": "visit:scheduled", "icon-anchor": "bottom", "icon-allow-overlap": true } });
      show();
    });
    made.getCanvas().style.cursor = "crosshair";
    made.on("click", (event) => {
      const wrapped = event.lngLat.wrap();
      props.onPick({ lat: rounded(wrapped.lat), lng: rounded(wrapped.lng) });
    });
    onCleanup(() => made.remove());
  });
  const show = () => {
    const source = map?.getSource("place") as GeoJSONSource | undefined;
    const place = props.value;
    const shape = props.fence && fenceShape(place, props.fence);
    (map?.getSource("fence") as GeoJSONSource | undefined)?.setData(shape ? collection([{ type: "Feature", properties: {}, geometry: shape }]) : EMPTY);
    source?.setData(place ? collection([{ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [place.lng, place.lat] } }]) : EMPTY);
  };
  createEffect(() => {
    void [props.value, props.fence];
    show();
  });
  const typed = (lat: string, lng: string) => {
    const place = { lat: Number(lat), lng: Number(lng) };
    if (lat.trim() && lng.trim() && Number.isFinite(place.lat) && Number.isFinite(place.lng)) props.onPick(place);
  };
  let lat!: HTMLInputElement;
  let lng!: HTMLInputElement;
  return (
    <fieldset class="place" aria-invalid={props.error ? "true" : undefined}>
      <legend>{props.label}</legend>
      <div class="place-map" ref={box} role="application" aria-label={m.map.pick} />
      <div class="place-row">
        <label>{m.form.latitude}<input ref={lat} inputmode="decimal" value={props.value?.lat ?? ""} onChange={() => typed(lat.value, lng.value)} /></label>
        <label>{m.form.longitude}<input ref={lng} inputmode="decimal" value={props.value?.lng ?? ""} onChange={() => typed(lat.value, lng.value)} /></label>
        <Show when={props.value} fallback={<span class="hint">{m.map.pick}</span>}>
          <button type="button" class="ghost" onClick={() => props.onPick(null)}>{m.map.clearPlace}</button>
        </Show>
      </div>
      <Show when={props.error}><p class="field-error" role="alert">{props.error}</p></Show>
    </fieldset>
  );
}

function rounded(n: number): number {
  return Math.round(n * 1e6) / 1e6;
}
