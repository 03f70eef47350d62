// Reference client of the live stream, protocol only: frames and closings go
// in, effects come out. No socket, no clock, no randomness: streamSocket.ts
// has those.
import type { LivePosition, Visit } from "./api/types";

export type Box = [west: number, south: number, east: number, north: number];
export type Topic =
  | ({ id: string; topic: "workers"; tickMs?: number } & Look)
  | { id: string; topic: "schedule"; from: string; to: string };
/** What of the world is looked at: counted below zoom 8, one by one from there, those in focus always. */
export interface Look { viewport: Box; zoom?: number; focus?: string[] }
export type Link = "live" | "catchingUp" | "offline";

export interface StreamEvent {
  type: string;
  kind?: string;
  rm?: boolean;
  visitId?: string;
  visit?: { id: string; attributes?: Record<string, unknown> } | null;
  [more: string]: unknown;
}

/** Workers counted by H3 cell: what a map far away is told instead of them. */
export interface Cluster { id: string; lat: number; lng: number; count: number; online: number }
export interface Holder { userId: string; name: string }

export type News =
  | { kind: "link"; link: Link }
  | { kind: "workersReplaced"; workers: LivePosition[] }
  | { kind: "workersChanged"; up: LivePosition[]; rm: string[] }
  | { kind: "clustersReplaced"; clusters: Cluster[] }
  | { kind: "clustersChanged"; up: Cluster[]; rm: string[] }
  | { kind: "holding"; visitId: string; by: Holder | null }
  | { kind: "visitsReplaced"; visits: Visit[] }
  | { kind: "event"; event: StreamEvent; seq: number; removed: string | null }
  | { kind: "refused"; code: string }
  | { kind: "over"; code: number };

export type Effect =
  | { do: "connect"; afterMs: number }
  | { do: "send"; frame: Record<string, unknown> }
  | { do: "drop" }
  /** To call woken() after this time. */
  | { do: "wake"; afterMs: number }
  | { do: "tell"; news: News };

interface LogState {
  cursor: { epoch: string; seq: number } | null;
  /** Nothing up to here is missing: what the heartbeat vouches for, and where to resume. */
  upto: number;
  epoch: string;
  target: number;
  caughtUp: boolean;
  parts: Visit[] | null;
  held: EventFrame[];
}
interface Held {
  topic: Topic;
  log: LogState;
  workers: LivePosition[] | null;
  clusters: Cluster[];
  isFar: boolean;
  holding: Set<string>;
  subscribed: boolean;
}
interface EventFrame { prev: number; seq: number; event: StreamEvent }
// Frames come from outside and are read field by field.
type Frame = Record<string, any>;

const FINAL_CODES = new Set([4400, 4401, 4403, 4408, 4409, 4429]);
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** However fast somebody pans, the server hears of it no more often than this. */
const LOOK_EVERY_MS = 100;

/** How long to wait before trial `attempt` (from 0); `chance` is in [0, 1). Everybody who lost the same server at the
 *  same moment waits anything between nothing and the ceiling, so that they do not come back together. */
export function delayBefore(attempt: number, chance: number, retryAfterMs?: number): number {
  if (retryAfterMs !== undefined) return Math.round(retryAfterMs * (1 + 0.25 * chance));
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling * chance);
}

export function mayComeBack(code: number): boolean {
  return !FINAL_CODES.has(code);
}

export function removedVisit(event: StreamEvent): string | null {
  const gone = event.kind === "rm" || event.rm === true || event.type === "visit.removed";
  if (!gone) return null;
  return event.visit?.id ?? event.visitId ?? null;
}

export class StreamProtocol {
  private readonly held = new Map<string, Held>();
  private open = false;
  private greeted = false;
  private attempt = 0;
  private retryAfterMs: number | undefined;
  private byeCode: number | undefined;
  private comeBack = true;
  private link: Link = "offline";
  private heartbeatS = 25;
  private heardAtMs = 0;
  private lookedAtMs = -Infinity;
  private readonly looks = new Set<string>();

  start(): Effect[] {
    this.comeBack = true;
    this.attempt = 0;
    return [...this.linkIs("catchingUp"), { do: "connect", afterMs: 0 }];
  }

  stop(): Effect[] {
    this.comeBack = false;
    return [{ do: "drop" }];
  }

  subscribe(topic: Topic): Effect[] {
    this.held.set(topic.id, {
      topic, log: freshLog(), workers: null, clusters: [], isFar: false, holding: new Set(), subscribed: false,
    });
    if (!this.greeted) return [];
    return [...this.linkIs(this.judged()), { do: "send", frame: this.subscription(this.held.get(topic.id)!) }];
  }

  unsubscribe(id: string): Effect[] {
    const held = this.held.get(id);
    if (!held) return [];
    this.held.delete(id);
    const effects = freed(held);
    return this.greeted ? [...effects, { do: "send", frame: { type: "unsubscribe", id } }] : effects;
  }

  /** The map shows another part: told at once, and while it keeps moving only now and then, the newest last. */
  look(id: string, look: Look, nowMs = 0): Effect[] {
    const held = this.held.get(id);
    if (!held || held.topic.topic !== "workers") return [];
    held.topic = { ...held.topic, ...look };
    if (!this.greeted) return [];
    const isWaiting = this.looks.size > 0;
    this.looks.add(id);
    const waitMs = this.lookedAtMs + LOOK_EVERY_MS - nowMs;
    if (waitMs <= 0) return this.woken(nowMs);
    return isWaiting ? [] : [{ do: "wake", afterMs: waitMs }];
  }

  woken(nowMs: number): Effect[] {
    const effects: Effect[] = [];
    for (const id of this.looks) {
      const topic = this.held.get(id)?.topic;
      if (topic?.topic !== "workers" || !this.greeted) continue;
      const { viewport, zoom, focus } = topic;
      effects.push({ do: "send", frame: { type: "update", id, viewport, ...(zoom === undefined ? {} : { zoom }), ...(focus ? { focus } : {}) } });
      this.lookedAtMs = nowMs;
    }
    this.looks.clear();
    return effects;
  }

  /** Says that a visit is in one's hand, to be repeated every few seconds; only live, since a hold is of the moment. */
  hold(id: string, visitId: string): Effect[] {
    return this.held.get(id)?.subscribed ? [{ do: "send", frame: { type: "hold", id, visitId } }] : [];
  }

  release(id: string, visitId: string): Effect[] {
    return this.held.get(id)?.subscribed ? [{ do: "send", frame: { type: "release", id, visitId } }] : [];
  }

  opened(nowMs: number): Effect[] {
    this.open = true;
    this.heardAtMs = nowMs;
    this.retryAfterMs = undefined;
    this.byeCode = undefined;
    return this.linkIs("catchingUp");
  }

  closed(code: number, chance: number): Effect[] {
    this.open = false;
    this.greeted = false;
    const why = this.byeCode ?? code;
    const effects: Effect[] = [];
    this.looks.clear();
    for (const held of this.held.values()) {
      effects.push(...freed(held));
      held.subscribed = false;
      held.workers = null;
      held.clusters = [];
      held.log.caughtUp = false;
      held.log.parts = null;
      held.log.held = [];
    }
    if (!this.comeBack) return [...effects, ...this.linkIs("offline")];
    if (!mayComeBack(why)) {
      this.comeBack = false;
      return [...effects, ...this.linkIs("offline"), { do: "tell", news: { kind: "over", code: why } }];
    }
    const afterMs = delayBefore(this.attempt, chance, this.retryAfterMs);
    this.attempt += 1;
    const link: Link = this.attempt > 1 ? "offline" : "catchingUp";
    return [...effects, ...this.linkIs(link), { do: "connect", afterMs }];
  }

  /** To be called now and then: notices a connection that has gone silent. */
  checked(nowMs: number): Effect[] {
    const silentMs = nowMs - this.heardAtMs;
    return this.open && silentMs > (this.heartbeatS + 10) * 1000 ? [{ do: "drop" }] : [];
  }

  received(frame: Frame, nowMs: number): Effect[] {
    this.heardAtMs = nowMs;
    switch (frame.type) {
      case "hello": return this.hello(frame);
      case "subscribed": return this.subscribed(frame);
      case "snapshot": return this.snapshot(frame);
      case "delta": return this.delta(frame);
      case "event": return this.event(frame);
      case "reset": return this.reset(frame);
      case "heartbeat": return this.heartbeat(frame);
      case "holding": return this.holding(frame);
      case "error": return [{ do: "tell", news: { kind: "refused", code: String(frame.code ?? "") } }];
      case "bye":
        this.byeCode = typeof frame.code === "number" ? frame.code : undefined;
        this.retryAfterMs = typeof frame.retryAfterMs === "number" ? frame.retryAfterMs : undefined;
        return [];
      default: return [];
    }
  }

  private hello(frame: Frame): Effect[] {
    if (typeof frame.heartbeatS === "number") this.heartbeatS = frame.heartbeatS;
    this.greeted = true;
    return [...this.held.values()].map((held) => ({ do: "send", frame: this.subscription(held) }));
  }

  private subscribed(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    if (!held) return [];
    held.subscribed = true;
    if (held.topic.topic === "schedule") {
      const log = held.log;
      log.epoch = String(frame.epoch ?? "");
      log.target = Number(frame.seq ?? 0);
      const resumed = frame.recovered === true && log.cursor !== null;
      if (!resumed) log.cursor = null;
      log.caughtUp = resumed && log.cursor!.seq >= log.target;
    }
    return this.settled();
  }

  private snapshot(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    if (!held) return [];
    if (held.topic.topic === "workers") {
      if (held.workers === null) held.clusters = [];
      held.workers = [...(held.workers ?? []), ...((frame.workers ?? []) as LivePosition[])];
      held.clusters.push(...((frame.clusters ?? []) as Cluster[]));
      if (frame.last === false) return [];
      const { workers, clusters, isFar } = held;
      held.workers = null;
      held.isFar = clusters.length > 0;
      const effects: Effect[] = [{ do: "tell", news: { kind: "workersReplaced", workers } }];
      if (held.isFar || isFar) effects.push({ do: "tell", news: { kind: "clustersReplaced", clusters } });
      return [...effects, ...this.settled()];
    }
    const log = held.log;
    log.parts = [...(log.parts ?? []), ...((frame.visits ?? []) as Frame[]).map(flatVisit)];
    if (frame.last === false) return [];
    const visits = log.parts;
    log.parts = null;
    log.cursor = { epoch: log.epoch, seq: Number(frame.seq ?? log.target) };
    log.caughtUp = true;
    const effects: Effect[] = [{ do: "tell", news: { kind: "visitsReplaced", visits } }];
    const waiting = log.held;
    log.held = [];
    for (const one of waiting) if (one.seq > log.cursor.seq) effects.push(...this.advance(held, one));
    return [...effects, ...this.settled()];
  }

  private delta(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    if (!held || held.topic.topic !== "workers") return [];
    const up = (frame.up ?? []) as LivePosition[];
    const rm = (frame.rm ?? []) as string[];
    const effects: Effect[] = [{ do: "tell", news: { kind: "workersChanged", up, rm } }];
    if (frame.clusters || frame.rmClusters) {
      held.isFar = true;
      const changed = { up: (frame.clusters ?? []) as Cluster[], rm: (frame.rmClusters ?? []) as string[] };
      effects.push({ do: "tell", news: { kind: "clustersChanged", ...changed } });
    }
    return effects;
  }

  private holding(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    const visitId = String(frame.visitId ?? "");
    if (!held || !visitId) return [];
    const by = frame.by ? (frame.by as Holder) : null;
    if (by) held.holding.add(visitId);
    else held.holding.delete(visitId);
    return [{ do: "tell", news: { kind: "holding", visitId, by } }];
  }

  private event(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    if (!held || held.topic.topic !== "schedule") return [];
    const one: EventFrame = { prev: Number(frame.prev), seq: Number(frame.seq), event: frame.event ?? { type: "" } };
    if (!held.log.cursor) {
      held.log.held.push(one);
      return [];
    }
    if (one.seq <= held.log.cursor.seq) return [];
    return [...this.advance(held, one), ...this.settled()];
  }

  private advance(held: Held, one: EventFrame): Effect[] {
    const log = held.log;
    if (!log.cursor || one.prev !== log.cursor.seq) {
      // Something is missing: come back and resume from what is certain.
      return [{ do: "drop" }];
    }
    log.cursor.seq = one.seq;
    if (one.seq >= log.target) log.caughtUp = true;
    return [{ do: "tell", news: { kind: "event", event: one.event, seq: one.seq, removed: removedVisit(one.event) } }];
  }

  private reset(frame: Frame): Effect[] {
    const held = this.held.get(frame.id);
    if (!held) return [];
    held.log = { ...freshLog(), epoch: String(frame.epoch ?? ""), target: Number(frame.seq ?? 0) };
    held.workers = null;
    held.clusters = [];
    return this.linkIs(this.judged());
  }

  private heartbeat(frame: Frame): Effect[] {
    const upto = frame.upto;
    if (!upto || typeof upto !== "object") return [];
    for (const [id, seq] of Object.entries(upto as Record<string, number>)) {
      const log = this.held.get(id)?.log;
      if (log?.cursor) log.upto = Math.max(log.upto, Number(seq));
    }
    return [];
  }

  private subscription(held: Held): Record<string, unknown> {
    const frame: Record<string, unknown> = { type: "subscribe", ...held.topic };
    const { cursor, upto } = held.log;
    if (cursor) {
      cursor.seq = Math.max(cursor.seq, upto);
      frame.resume = { ...cursor };
    }
    return frame;
  }

  private settled(): Effect[] {
    const link = this.judged();
    if (link === "live") this.attempt = 0;
    return this.linkIs(link);
  }

  private judged(): Link {
    if (!this.open) return this.link;
    for (const held of this.held.values()) {
      if (!held.subscribed) return "catchingUp";
      if (held.topic.topic === "schedule" && !held.log.caughtUp) return "catchingUp";
    }
    return this.greeted ? "live" : "catchingUp";
  }

  private linkIs(link: Link): Effect[] {
    if (link === this.link) return [];
    this.link = link;
    return [{ do: "tell", news: { kind: "link", link } }];
  }
}

/** Off the line nobody knows who is moving what. */
function freed(held: Held): Effect[] {
  const gone = [...held.holding];
  held.holding.clear();
  return gone.map((visitId) => ({ do: "tell", news: { kind: "holding", visitId, by: null } }));
}

function freshLog(): LogState {
  return { cursor: null, upto: 0, epoch: "", target: 0, caughtUp: false, parts: null, held: [] };
}

/** Visits on the stream are resources; whoever keeps them wants them flat. */
export function flatVisit(wire: Record<string, unknown>): Visit {
  const attributes = (wire.attributes ?? wire) as Record<string, unknown>;
  return { ...attributes, id: String(wire.id) } as Visit;
}
