// People on the map as they move: new fixes come in, dots glide to them where
// that costs nothing, and the map is told only what changed. What the library
// has not worked off yet holds up the next change, so a slow machine skips
// frames instead of falling behind.
import type { LivePosition, Place } from "../api/types";
import { Crew, type Dot } from "./crew";
import { between, headingOf, opacityOf, toneOf } from "./features";
import type { GeoJSONSource } from "./setup";

const GLIDE_MS = 900;
/** More people than this jump from fix to fix: each frame would cost more than it shows. */
export const GLIDE_MOST = 120;
const FRAME_MS = 50;
const FADE_MS = 15_000;

interface Glide { from: Place; to: Place; since: number }
export interface Label { initials: string; inactive: boolean }
export interface Sight {
  position: (id: string) => LivePosition | undefined;
  label: (id: string) => Label | undefined;
  /** Known, but no longer where the map looks. */
  away: (id: string) => boolean;
  chosen: () => string | null;
  calm: () => boolean;
}

export class Moving {
  readonly crew = new Crew();
  private readonly glides = new Map<string, Glide>();
  private readonly ids = new Set<string>();
  private source: GeoJSONSource | null = null;
  private busy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly fading: ReturnType<typeof setInterval>;

  constructor(private readonly sight: Sight, private readonly onSize: (size: number) => void) {
    this.fading = setInterval(() => this.again(), FADE_MS);
  }

  show(source: GeoJSONSource): void {
    this.source = source;
    this.flush();
  }
  stop(): void {
    clearTimeout(this.timer);
    clearInterval(this.fading);
    this.source = null;
  }

  /** Where a dot is seen at this moment. */
  seenAt(id: string): Place | null {
    const dot = this.crew.at(id);
    return dot ? { lat: dot.lat, lng: dot.lng } : null;
  }

  moved(ids: Iterable<string>): void {
    const size = this.crew.size;
    for (const id of ids) this.follow(id);
    if (this.crew.size !== size) this.onSize(this.crew.size);
    this.flush();
    this.animate();
  }

  /** Everybody, because something else than a position has changed: age, names, the choice. */
  again(): void {
    this.moved([...this.ids]);
  }

  private follow(id: string): void {
    this.ids.add(id);
    const live = this.sight.position(id);
    const label = this.sight.label(id);
    if (live?.lat == null || live.lng == null || !label || label.inactive || this.sight.away(id)) {
      this.glides.delete(id);
      return this.crew.drop(id);
    }
    const to = { lat: live.lat, lng: live.lng };
    const held = this.glides.get(id);
    const seen = this.crew.at(id);
    if (held ? held.to.lat === to.lat && held.to.lng === to.lng : seen?.lat === to.lat && seen.lng === to.lng) {
      return this.crew.put(this.dot(live, label, seen ?? to));
    }
    if (!seen || document.hidden || this.sight.calm() || this.crew.size > GLIDE_MOST) {
      this.glides.delete(id);
      return this.crew.put(this.dot(live, label, to));
    }
    this.glides.set(id, { from: { lat: seen.lat, lng: seen.lng }, to, since: performance.now() });
  }

  private dot(live: LivePosition, label: Label, at: Place): Dot {
    return {
      id: live.id, lat: at.lat, lng: at.lng, initials: label.initials, tone: toneOf(live), online: live.presence === "online",
      opacity: opacityOf(live.at ? Date.now() - Date.parse(live.at) : Infinity), heading: headingOf(live), chosen: this.sight.chosen() === live.id,
    };
  }

  private animate(): void {
    if (this.timer !== undefined || !this.glides.size) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (!this.busy) this.step();
      this.animate();
    }, FRAME_MS);
  }

  private step(): void {
    const at = performance.now();
    for (const [id, glide] of this.glides) {
      const seen = this.crew.at(id);
      const part = Math.min(1, (at - glide.since) / GLIDE_MS);
      if (part >= 1 || !seen) this.glides.delete(id);
      const live = this.sight.position(id);
      const label = this.sight.label(id);
      if (seen && live && label) this.crew.put(this.dot(live, label, between(glide.from, glide.to, part)));
    }
    this.flush();
  }

  private flush(): void {
    if (this.busy || !this.source) return;
    const diff = this.crew.take();
    if (!diff) return;
    this.busy = true;
    const done = () => {
      this.busy = false;
      this.flush();
    };
    this.source.updateData(diff).then(done, done);
  }
}
