// Which dots are on the map, and what has to be told to the map when people
// move: only what changed. No map library here but its word for a change.
import type { GeoJSONSourceDiff } from "maplibre-gl";

export interface Dot {
  id: string; lat: number; lng: number; initials: string; tone: string; opacity: number; chosen: boolean; online: boolean;
  /** Degrees from north; null for somebody who stands. */
  heading: number | null;
}
type Properties = Record<string, string | number | boolean>;

export class Crew {
  private readonly wanted = new Map<string, Dot>();
  private readonly told = new Map<string, Dot>();
  private readonly touched = new Set<string>();

  get size(): number {
    return this.wanted.size;
  }
  at(id: string): Dot | undefined {
    return this.wanted.get(id);
  }
  all(): IterableIterator<Dot> {
    return this.wanted.values();
  }
  put(dot: Dot): void {
    this.wanted.set(dot.id, dot);
    this.touched.add(dot.id);
  }
  drop(id: string): void {
    if (this.wanted.delete(id)) this.touched.add(id);
  }

  /** Everything since the last time, or null when nothing is new. */
  take(): GeoJSONSourceDiff | null {
    const remove: string[] = [];
    const add: GeoJSON.Feature[] = [];
    const update: NonNullable<GeoJSONSourceDiff["update"]> = [];
    for (const id of this.touched) {
      const before = this.told.get(id);
      const after = this.wanted.get(id);
      if (after) this.told.set(id, after);
      else this.told.delete(id);
      if (!after) before && remove.push(id);
      else if (!before) add.push(feature(after));
      else {
        const one = changed(before, after);
        if (one) update.push(one);
      }
    }
    this.touched.clear();
    return remove.length || add.length || update.length ? { remove, add, update } : null;
  }
}

/** The most common change by far is a place, and then nothing else is told. */
function changed(before: Dot, after: Dot): NonNullable<GeoJSONSourceDiff["update"]>[number] | null {
  const moved = before.lat !== after.lat || before.lng !== after.lng;
  const set: { key: string; value: unknown }[] = [];
  const put = (key: string, value: unknown) => set.push({ key, value });
  if (before.tone !== after.tone || before.initials !== after.initials) {
    put("tone", after.tone);
    put("icon", `worker:${after.tone}:${after.initials}`);
    put("plain", `worker:${after.tone}`);
  }
  if (before.opacity !== after.opacity) put("opacity", after.opacity);
  if (before.online !== after.online) put("online", after.online);
  if (before.chosen !== after.chosen) {
    put("chosen", after.chosen);
    put("order", after.chosen ? 1 : 0);
  }
  if (after.heading !== null && before.heading !== after.heading) put("heading", after.heading);
  const stopped = after.heading === null && before.heading !== null;
  if (!moved && !set.length && !stopped) return null;
  return {
    id: after.id,
    ...(moved ? { newGeometry: { type: "Point" as const, coordinates: [after.lng, after.lat] } } : {}),
    ...(set.length ? { addOrUpdateProperties: set } : {}),
    ...(stopped ? { removeProperties: ["heading"] } : {}),
  };
}

export function feature(dot: Dot): GeoJSON.Feature<GeoJSON.Point, Properties> {
  const properties: Properties = {
    id: dot.id, icon: `worker:${dot.tone}:${dot.initials}`, plain: `worker:${dot.tone}`, tone: dot.tone, opacity: dot.opacity,
    chosen: dot.chosen, order: dot.chosen ? 1 : 0, online: dot.online,
  };
  if (dot.heading !== null) properties.heading = dot.heading;
  return { type: "Feature", geometry: { type: "Point", coordinates: [dot.lng, dot.lat] }, properties };
}
