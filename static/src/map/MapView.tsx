// The map: people where they are now, visits where they will be, the zones of
// their places, and the way of whoever is chosen. What is chosen is chosen
// everywhere.
import { createEffect, createMemo, createSignal, on, onCleanup, onMount, Show, untrack, type JSX } from "solid-js";
import type { LivePosition, Place, Property, Visit } from "../api/types";
import { m } from "../messages";
import { allPositions, clientOf, derived, floor, initials, jobOf, livePosition, loaded, now, positionNow, takeHeardOf, visitTitle, workerName, zone } from "../state/floor";
import { calm, theme } from "../state/preferences";
import { chosen, choose, hovered, origin } from "../state/selection";
import { allCrowds, isAway } from "../state/sight";
import { loadClient, lookAt } from "../state/sync";
import { keepTrail, trail } from "../state/trail";
import { age, fixWords, presenceWords, spanWords } from "../state/words";
import { clock, offsetMinutes } from "../time";
import { Icon } from "../ui/Icon";
import { boundsOf, circle, clustersToFeatures, toneOf, visitsToFeatures } from "./features";
import { fencesToFeatures } from "./fences";
import { attribution, trouble } from "./ground";
import { Legend } from "./Legend";
import { Moving, type Label } from "./moving";
import { addFloor, boundsOfGround, EMPTY, INITIALS_NEAR, makeMap, repaint, WITH_INITIALS, type GeoJSONSource, type LibreMap, type MapMouseEvent } from "./setup";
import { nearestOnTrail, trailToFeatures } from "./trail";
import { centreOf } from "./world";

/** From so many people on, those who are close together are drawn as one. */
const MANY = 400;
const FEWER = 300;
const LOOK_EVERY_MS = 250;
const FENCES_FROM = 12;
const MOST_CLIENTS_AT_ONCE = 40;
const TRAIL_REACH_PX = 10;
interface Tip { x: number; y: number; title: string; text: string }
type Hit = { kind: "worker" | "visit"; id: string } | { kind: "crowd"; count: number; online: number; at: Place; clusterId?: number };

export function MapView(): JSX.Element {
  let box!: HTMLDivElement;
  let map: LibreMap | null = null;
  const [ready, setReady] = createSignal(false);
  const [broken, setBroken] = createSignal(false);
  const [tip, setTip] = createSignal<Tip | null>(null);
  const [zoom, setZoom] = createSignal(2);
  let fitted = false;
  let centred = false;
  let many = false;

  const located = createMemo(() => [...derived.ofDay(), ...derived.unscheduled()].filter((visit) => visit.location));
  const labels = createMemo(() => new Map(Object.values(floor.workers).map((worker): [string, Label] =>
    [worker.id, { initials: initials(worker), inactive: worker.status === "inactive" }])));
  const chosenId = (kind: "visit" | "worker"): string | null => {
    const held = chosen();
    return held?.kind === kind ? held.id : null;
  };
  const moving = new Moving({
    position: positionNow, label: (id) => untrack(labels).get(id), away: isAway, chosen: () => untrack(() => chosenId("worker")), calm,
  }, (size) => gather(size));
  const source = (name: string) => map?.getSource(name) as GeoJSONSource | undefined;
  const put = (name: string, data: GeoJSON.GeoJSON) => void source(name)?.setData(data);
  keepTrail();

  onMount(() => {
    const made = makeMap({ container: box, theme, centre: [10, 35], zoom: 2 });
    if (!made) return setBroken(true);
    map = made;
    made.on("load", () => {
      addFloor(made, theme());
      moving.show(made.getSource("workers") as GeoJSONSource);
      setReady(true);
      gather(moving.crew.size);
      tellLook(made);
    });
    let lookTimer: ReturnType<typeof setTimeout> | undefined;
    made.on("move", () => {
      lookTimer ??= setTimeout(() => {
        lookTimer = undefined;
        tellLook(made);
      }, LOOK_EVERY_MS);
    });
    made.on("mousemove", (event) => point(made, event));
    made.on("mouseout", () => setTip(null));
    made.on("click", (event) => pick(made, event));
    let seen = box.clientWidth > 0;
    const observer = new ResizeObserver(() => {
      made.resize();
      // What was fitted while the map was hidden was fitted to nothing.
      if (!seen && box.clientWidth > 0 && fitted) fit(false);
      seen = box.clientWidth > 0;
      // The details take half of the map, and must not take whom they are about.
      if (seen && fitted) keepChosenInSight();
    });
    observer.observe(box);
    onCleanup(() => {
      observer.disconnect();
      clearTimeout(lookTimer);
      moving.stop();
      made.remove();
      map = null;
    });
  });

  createEffect(on(theme, (next) => map && ready() && repaint(map, next), { defer: true }));
  createEffect(on(takeHeardOf, (ids) => moving.moved(ids)));
  createEffect(on([labels, chosen], () => moving.again()));
  createEffect(() => ready() && put("visits", visitsToFeatures(located(), chosenId("visit"))));
  createEffect(() => ready() && put("far", clustersToFeatures(allCrowds())));
  createEffect(() => ready() && put("trail", trailToFeatures(trail())));
  createEffect(() => ready() && drawAccuracy());
  createEffect(() => ready() && drawFences());
  createEffect(() => {
    if (!ready() || !loaded() || fitted) return;
    fitted = fit(false);
    if (fitted || centred || !map) return;
    centred = true;
    const bounds = boundsOfGround(map);
    if (bounds && bounds[2] - bounds[0] < 90) map.fitBounds(bounds, { duration: 0 });
    else map.jumpTo({ center: untrack(() => centreOf(zone(), offsetMinutes(now(), zone()))), zoom: 3.5 });
  });
  createEffect(on([chosen, ready], () => ready() && showChosen()));

  /** Many people near each other become one mark; few never do. */
  function gather(size: number): void {
    const next = size > (many ? FEWER : MANY);
    if (next === many || !ready() || !map) return;
    many = next;
    map.setLayoutProperty("workers", "icon-image", many ? INITIALS_NEAR : WITH_INITIALS);
    void source("workers")?.setClusterOptions({ cluster: many, clusterRadius: 46, clusterMaxZoom: 12 });
  }

  function tellLook(made: LibreMap): void {
    const bounds = made.getBounds();
    const clamp = (n: number, most: number) => Math.max(-most, Math.min(most, n));
    const wide = bounds.getEast() - bounds.getWest() >= 360;
    const [west, east] = wide ? [-180, 180] : [clamp(bounds.getWest(), 180), clamp(bounds.getEast(), 180)];
    const chosenWorker = untrack(() => chosenId("worker"));
    setZoom(made.getZoom());
    lookAt({
      viewport: [west, clamp(bounds.getSouth(), 90), east, clamp(bounds.getNorth(), 90)],
      zoom: Math.round(made.getZoom() * 10) / 10, focus: chosenWorker ? [chosenWorker] : [],
    });
  }

  function hit(made: LibreMap, event: MapMouseEvent): Hit | null {
    if (!made.getLayer("workers")) return null;
    const around: [[number, number], [number, number]] = [[event.point.x - 4, event.point.y - 4], [event.point.x + 4, event.point.y + 4]];
    const found = made.queryRenderedFeatures(around, { layers: ["workers", "clusters", "far", "visits"] })[0];
    if (!found) return null;
    const told = found.properties;
    if (found.layer.id === "workers" || found.layer.id === "visits") return { kind: found.layer.id === "workers" ? "worker" : "visit", id: String(told.id) };
    const [lng, lat] = (found.geometry as GeoJSON.Point).coordinates as [number, number];
    return { kind: "crowd", count: Number(told.point_count ?? told.count), online: Number(told.online), at: { lat, lng }, clusterId: told.cluster_id as number | undefined };
  }
  function point(made: LibreMap, event: MapMouseEvent): void {
    const found = hit(made, event);
    made.getCanvas().style.cursor = found ? "pointer" : "";
    setTip(found ? { ...tipOf(found), x: event.point.x, y: event.point.y } : tipOfTrail(made, event));
  }
  function tipOf(found: Hit): { title: string; text: string } {
    if (found.kind === "crowd") return { title: m.map.cluster(found.count), text: m.map.clusterOnline(found.online) };
    const visit = floor.visits[found.id];
    if (found.kind === "visit") return { title: visitTitle(visit), text: visit ? `${m.status[visit.status]} · ${spanWords(visit)}` : "" };
    const live = livePosition(found.id);
    return { title: workerName(floor.workers[found.id]), text: live ? `${toneWords(live)} · ${fixWords(live)}` : m.map.noFix };
  }
  function tipOfTrail(made: LibreMap, event: MapMouseEvent): Tip | null {
    const edge = made.unproject([event.point.x + TRAIL_REACH_PX, event.point.y]);
    const near = trail() && nearestOnTrail(trail(), event.lngLat, edge.distanceTo(event.lngLat));
    if (!near) return null;
    const at = made.project([near.lng, near.lat]);
    const late = near.receivedAt - near.at;
    const words = [
      ...near.flags.flatMap((flag) => m.map.trailFlag[flag] ?? []),
      ...(near.speedMps != null && near.speedMps > 1 ? [m.map.speed(Math.round(near.speedMps * 3.6))] : []),
      ...(near.accuracyM != null ? [m.map.accuracy(Math.round(near.accuracyM))] : []), ...(late > 5 * 60_000 ? [m.map.heardLater(age(late))] : []),
    ];
    return { x: at.x, y: at.y, title: m.map.trailPoint(clock(near.at, zone())), text: words.join(", ") };
  }
  function pick(made: LibreMap, event: MapMouseEvent): void {
    const found = hit(made, event);
    if (!found) return;
    if (found.kind !== "crowd") return choose(found, "map");
    const look = (nearer: number) => made.easeTo({ center: [found.at.lng, found.at.lat], zoom: nearer, duration: calm() ? 0 : 400 });
    if (found.clusterId === undefined) return void look(made.getZoom() + 2);
    void source("workers")?.getClusterExpansionZoom(found.clusterId).then(look, () => look(made.getZoom() + 2));
  }

  function placeOf(choice: NonNullable<ReturnType<typeof chosen>>): Place | null {
    if (choice.kind === "visit") return floor.visits[choice.id]?.location ?? null;
    const live = positionNow(choice.id);
    return live?.lat != null && live.lng != null ? { lat: live.lat, lng: live.lng } : null;
  }
  function showChosen(): void {
    const choice = chosen();
    if (map) tellLook(map);
    if (choice && origin() !== "map") keepChosenInSight();
  }
  function keepChosenInSight(): void {
    const choice = untrack(chosen);
    const place = choice && untrack(() => placeOf(choice));
    if (!place || !map) return;
    const far = map.getZoom() < 9;
    if (far || !map.getBounds().contains([place.lng, place.lat])) {
      map.easeTo({ center: [place.lng, place.lat], ...(far ? { zoom: 13 } : {}), duration: calm() ? 0 : 500 });
    }
  }
  function drawAccuracy(): void {
    const id = chosenId("worker");
    const live = id ? livePosition(id) : undefined;
    const known = live?.accuracyM && live.lat != null && live.lng != null && !isAway(live.id);
    put("accuracy", known ? circle({ lat: live.lat!, lng: live.lng! }, live.accuracyM!) : EMPTY);
  }
  function drawFences(): void {
    if (!map || zoom() < FENCES_FROM) return;
    const bounds = map.getBounds();
    const inSight = located().filter((visit) => bounds.contains([visit.location!.lng, visit.location!.lat]));
    put("fences", fencesToFeatures(inSight, propertyOf, chosenId("visit")));
    untrack(() => bringProperties(inSight));
  }

  function fit(animated: boolean): boolean {
    const people = allPositions().flatMap((live) => (live.lat != null && live.lng != null ? [{ lat: live.lat, lng: live.lng }] : []));
    // From afar the server tells crowds and nobody by name.
    const crowds = allCrowds().map(({ lat, lng }) => ({ lat, lng }));
    const homes = people.length || crowds.length ? [] : Object.values(floor.workers).flatMap((worker) => (worker.home ? [worker.home] : []));
    const bounds = boundsOf([...people, ...crowds, ...homes, ...located().map((visit) => visit.location!)]);
    if (!bounds || !map) return false;
    map.fitBounds(bounds, { padding: 48, maxZoom: 15, duration: animated && !calm() ? 500 : 0 });
    return true;
  }

  // What an end-to-end test may read; nothing can be changed through it.
  window.muster = {
    workersOnMap: () => [...moving.crew.all()].map(({ id, lat, lng }) => ({ id, lat, lng })),
    mapReady: () => ready() && Boolean(map?.loaded()),
    drawn: (layer) => (map?.getLayer(layer) ? map.queryRenderedFeatures({ layers: [layer] }).length : 0),
    layersWith: (prefix) => (map?.getStyle().layers ?? []).filter((layer) => layer.id.startsWith(prefix)).length,
    zoom: () => map?.getZoom() ?? 0,
    pixelOf: (place) => {
      const at = map?.project([place.lng, place.lat]);
      const edge = box.getBoundingClientRect();
      return { x: edge.left + (at?.x ?? 0), y: edge.top + (at?.y ?? 0) };
    },
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
      <div class="map-foot">
        <Legend />
        <Show when={trouble()}><p class="map-trouble" role="status"><Icon name="alert" size={13} />{trouble()}</p></Show>
        <Show when={attribution()}><p class="map-owed">{attribution()}</p></Show>
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

/** What somebody does; of whom nothing is heard, why. */
function toneWords(live: LivePosition): string {
  const tone = toneOf(live);
  return tone === "stale" || tone === "lost" || live.presence !== "online" ? presenceWords(live) : m.map.tone[tone];
}

function propertyOf(visit: Visit): Property | undefined {
  const properties = clientOf(visit)?.properties;
  const id = jobOf(visit)?.propertyId;
  return properties?.find((one) => one.id === id) ?? (properties?.length === 1 ? properties[0] : undefined);
}

const broughtFor = new Set<string>();
/** Zones belong to properties, which come with their client; each is asked for once. */
function bringProperties(visits: Visit[]): void {
  const wanted = new Set(visits.flatMap((visit) => {
    const client = clientOf(visit);
    return client && !client.properties && !broughtFor.has(client.id) ? [client.id] : [];
  }));
  for (const id of [...wanted].slice(0, MOST_CLIENTS_AT_ONCE)) {
    broughtFor.add(id);
    loadClient(id).catch(() => broughtFor.delete(id));
  }
}

declare global {
  interface Window {
    muster?: {
      workersOnMap: () => (Place & { id: string })[];
      mapReady: () => boolean;
      /** How many features of a layer are drawn at this moment. */
      drawn: (layer: string) => number;
      layersWith: (prefix: string) => number;
      zoom: () => number;
      /** Where a place is in the window. */
      pixelOf: (place: Place) => { x: number; y: number };
    };
  }
}
