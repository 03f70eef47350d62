// The map: people where they are now and visits where they will be. Positions
// glide between fixes; what is chosen is chosen everywhere.
import { createEffect, createMemo, createSignal, on, onCleanup, onMount, Show, untrack, type JSX } from "solid-js";
import { get } from "../api/http";
import type { Place, Resource } from "../api/types";
import { m } from "../messages";
import { allPositions, derived, floor, initials, loaded, livePosition, now, visitTitle, workerName, zone } from "../state/floor";
import { calm, theme } from "../state/preferences";
import { chosen, choose, hovered, origin } from "../state/selection";
import { lookAt } from "../state/sync";
import { fixWords, spanWords } from "../state/words";
import { Icon } from "../ui/Icon";
import { between, boundsOf, circle, collection, dotsToFeatures, opacityOf, toneOf, visitsToFeatures, type Dot } from "./features";
import { addFloor, EMPTY, makeMap, repaint, type GeoJSONSource, type LibreMap, type MapMouseEvent } from "./setup";
import { centreOf } from "./world";
import { offsetMinutes } from "../time";

const GLIDE_MS = 900;
const GLIDE_MOST = 400;
const FRAME_MS = 60;
interface Tip { x: number; y: number; title: string; text: string }
interface Glide { from: Place; to: Place; since: number }

export function MapView(): JSX.Element {
  let box!: HTMLDivElement;
  let map: LibreMap | null = null;
  const [ready, setReady] = createSignal(false);
  const [broken, setBroken] = createSignal(false);
  const [tip, setTip] = createSignal<Tip | null>(null);
  const glides = new Map<string, Glide>();
  let fitted = false;
  let centred = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const located = createMemo(() => [...derived.ofDay(), ...derived.unscheduled()].filter((visit) => visit.location));

  onMount(() => {
    const made = makeMap({ container: box, theme: theme(), centre: [10, 35], zoom: 2 });
    if (!made) return setBroken(true);
    map = made;
    made.on("load", () => {
      addFloor(made, theme());
      setReady(true);
    });
    made.on("moveend", () => tellViewport(made));
    made.on("mousemove", (event) => point(made, event));
    made.on("mouseout", () => setTip(null));
    made.on("click", (event) => pick(made, event));
    let seen = box.clientWidth > 0;
    const observer = new ResizeObserver(() => {
      made.resize();
      // What was fitted while the map was hidden was fitted to nothing.
      if (!seen && box.clientWidth > 0 && fitted) fit(false);
      seen = box.clientWidth > 0;
    });
    observer.observe(box);
    onCleanup(() => {
      observer.disconnect();
      clearTimeout(timer);
      made.remove();
      map = null;
    });
  });

  createEffect(on(theme, (next) => map && ready() && repaint(map, next), { defer: true }));
  createEffect(() => {
    if (!ready()) return;
    follow();
    drawWorkers();
  });
  createEffect(() => ready() && put("visits", visitsToFeatures(located(), chosenId("visit"))));
  createEffect(() => {
    if (!ready() || !loaded() || fitted) return;
    fitted = fit(false);
    if (fitted || centred) return;
    centred = true;
    map?.jumpTo({ center: untrack(() => centreOf(zone(), offsetMinutes(now(), zone()))), zoom: 3.5 });
  });
  createEffect(on([chosen, ready], () => ready() && showChosen()));

  function chosenId(kind: "visit" | "worker"): string | null {
    const held = chosen();
    return held?.kind === kind ? held.id : null;
  }
  function put(source: string, data: GeoJSON.GeoJSON): void {
    (map?.getSource(source) as GeoJSONSource | undefined)?.setData(data);
  }

  /** Takes over new fixes: each dot starts gliding from where it is seen now. */
  function follow(): void {
    const at = performance.now();
    const glide = !calm() && !document.hidden;
    for (const live of allPositions()) {
      if (live.lat == null || live.lng == null) continue;
      const to = { lat: live.lat, lng: live.lng };
      const held = glides.get(live.id);
      if (held && held.to.lat === to.lat && held.to.lng === to.lng) continue;
      const from = held && glide ? between(held.from, held.to, (at - held.since) / GLIDE_MS) : to;
      glides.set(live.id, { from, to, since: at });
    }
  }
  function drawWorkers(): void {
    clearTimeout(timer);
    const at = performance.now();
    const wall = Date.now();
    let moving = false;
    const dots: Dot[] = [];
    for (const live of allPositions()) {
      const glide = glides.get(live.id);
      const worker = floor.workers[live.id];
      if (!glide || !worker || worker.status === "inactive") continue;
      const part = Math.min(1, (at - glide.since) / GLIDE_MS);
      if (part < 1) moving = true;
      dots.push({
        id: live.id, ...between(glide.from, glide.to, part), initials: initials(worker), tone: toneOf(live),
        opacity: opacityOf(live.at ? wall - Date.parse(live.at) : Infinity), chosen: chosenId("worker") === live.id,
      });
    }
    put("workers", dotsToFeatures(dots));
    if (moving && dots.length <= GLIDE_MOST && ready()) timer = setTimeout(drawWorkers, FRAME_MS);
    else timer = setTimeout(drawWorkers, 15_000);
  }

  function tellViewport(made: LibreMap): void {
    const bounds = made.getBounds();
    const clamp = (n: number, most: number) => Math.max(-most, Math.min(most, n));
    lookAt([clamp(bounds.getWest(), 180), clamp(bounds.getSouth(), 90), clamp(bounds.getEast(), 180), clamp(bounds.getNorth(), 90)]);
  }

  function hit(made: LibreMap, event: MapMouseEvent): { kind: "worker" | "visit"; id: string } | null {
    const around: [[number, number], [number, number]] = [[event.point.x - 4, event.point.y - 4], [event.point.x + 4, event.point.y + 4]];
    const found = made.getLayer("workers") ? made.queryRenderedFeatures(around, { layers: ["workers", "visits"] })[0] : undefined;
    if (!found) return null;
    return { kind: found.layer.id === "workers" ? "worker" : "visit", id: String(found.properties.id) };
  }
  function point(made: LibreMap, event: MapMouseEvent): void {
    const found = hit(made, event);
    made.getCanvas().style.cursor = found ? "pointer" : "";
    if (!found) return void setTip(null);
    const visit = floor.visits[found.id];
    const title = found.kind === "worker" ? workerName(floor.workers[found.id]) : visitTitle(visit);
    const text = found.kind === "worker" ? fixWords(livePosition(found.id))
      : visit ? `${m.status[visit.status]} · ${spanWords(visit)}` : "";
    setTip({ x: event.point.x, y: event.point.y, title, text });
  }
  function pick(made: LibreMap, event: MapMouseEvent): void {
    const found = hit(made, event);
    if (found) choose(found, "map");
  }

  function showChosen(): void {
    const choice = chosen();
    put("accuracy", EMPTY);
    put("trail", EMPTY);
    if (!choice) return;
    let place: Place | null = null;
    if (choice.kind === "visit") place = floor.visits[choice.id]?.location ?? null;
    else {
      const live = livePosition(choice.id);
      if (live?.lat != null && live.lng != null) {
        place = { lat: live.lat, lng: live.lng };
        if (live.accuracyM) put("accuracy", circle(place, live.accuracyM));
      }
      void drawTrail(choice.id);
    }
    if (place && origin() !== "map" && map && !map.getBounds().contains([place.lng, place.lat])) {
      map.easeTo({ center: [place.lng, place.lat], duration: calm() ? 0 : 500 });
    }
  }
  async function drawTrail(workerId: string): Promise<void> {
    const to = new Date();
    const from = new Date(to.getTime() - 2 * 3_600_000);
    try {
      const answer = await get<unknown>(`/workers/${workerId}/track?from=${from.toISOString()}&to=${to.toISOString()}`);
      const line = trackPoints(answer.data);
      if (chosenId("worker") !== workerId || line.length < 2) return;
      put("trail", collection([{ type: "Feature", geometry: { type: "LineString", coordinates: line }, properties: {} }]));
    } catch {
      // A trail is an ornament; without it the dot still says where somebody is.
    }
  }

  function fit(animated: boolean): boolean {
    const people = allPositions().flatMap((live) => (live.lat != null && live.lng != null ? [{ lat: live.lat, lng: live.lng }] : []));
    const homes = people.length ? [] : Object.values(floor.workers).flatMap((worker) => (worker.home ? [worker.home] : []));
    const bounds = boundsOf([...people, ...homes, ...located().map((visit) => visit.location!)]);
    if (!bounds || !map) return false;
    map.fitBounds(bounds, { padding: 48, maxZoom: 15, duration: animated && !calm() ? 500 : 0 });
    return true;
  }

  // What an end-to-end test may read; nothing can be changed through it.
  window.muster = {
    workersOnMap: () => [...glides].map(([id, glide]) => ({ id, ...between(glide.from, glide.to, (performance.now() - glide.since) / GLIDE_MS) })),
    mapReady: () => ready() && Boolean(map?.loaded()),
  };

  createEffect(on(hovered, (held) => {
    if (!map || !ready()) return;
    const visit = held?.kind === "visit" ? floor.visits[held.id] : undefined;
    if (!visit?.location) return void setTip(null);
    const at = map.project([visit.location.lng, visit.location.lat]);
    if (at.x < 0 || at.y < 0 || at.x > box.clientWidth || at.y > box.clientHeight) return void setTip(null);
    setTip({ x: at.x, y: at.y - 22, title: visitTitle(visit), text: `${m.status[visit.status]} · ${spanWords(visit)}` });
  }, { defer: true }));

  return (
    <section class="map panel" aria-label={m.map.title}>
      <div class="map-box" ref={box} />
      <Show when={broken()}><p class="map-broken">{m.map.noMap}</p></Show>
      <Show when={loaded() && located().length === 0 && allPositions().every((live) => live.lat == null)}>
        <div class="map-empty"><strong>{m.map.empty}</strong><span>{m.map.emptyHint}</span></div>
      </Show>
      <div class="map-tools">
        <button type="button" class="float" aria-label={m.map.fit} title={m.map.fit} onClick={() => fit(true)}><Icon name="fit" /></button>
        <button type="button" class="float" aria-label={m.board.zoomIn} onClick={() => map?.zoomIn()}><Icon name="plus" /></button>
        <button type="button" class="float" aria-label={m.board.zoomOut} onClick={() => map?.zoomOut()}><Icon name="minus" /></button>
      </div>
      <Show when={tip()}>{(held) => (
        <div class="tip" role="tooltip" style={{ left: `${Math.min(Math.max(held().x, 90), Math.max(90, box.clientWidth - 90))}px`, top: `${held().y}px` }}
          classList={{ below: held().y < 70 }}>
          <strong>{held().title}</strong><span>{held().text}</span>
        </div>
      )}</Show>
    </section>
  );
}

function trackPoints(data: unknown): [number, number][] {
  const rows = Array.isArray(data) ? data : ((data as Resource<{ points?: unknown[] }> | undefined)?.attributes?.points ?? []);
  return (rows as Record<string, unknown>[]).flatMap((row) => {
    const point = (row.attributes ?? row) as Partial<Place>;
    return typeof point.lat === "number" && typeof point.lng === "number" ? [[point.lng, point.lat] as [number, number]] : [];
  });
}

declare global {
  interface Window {
    muster?: { workersOnMap: () => (Place & { id: string })[]; mapReady: () => boolean };
  }
}
