// What the dispatch floor is made of, as the browser knows it: visits, jobs,
// clients, people and their live positions. It stores and looks up; loading is
// sync.ts, changing is actions.ts.
import { batch, createMemo, createRoot, createSignal, untrack } from "solid-js";
import { createStore, produce, reconcile } from "solid-js/store";
import type { Account, Client, Job, JournalEvent, LivePosition, Me, Place, Presence, Visit, Worker } from "../api/types";
import { dateOf, daySpan, type Span } from "../time";
import type { Link } from "../stream";
import { forgetSight } from "./sight";

export type Overlay = Partial<Pick<Visit, "startsAt" | "endsAt" | "workerIds" | "status">>;
interface Floor {
  account: Account | null;
  me: Me | null;
  visits: Record<string, Visit>;
  jobs: Record<string, Job>;
  clients: Record<string, Client>;
  workers: Record<string, Worker>;
  /** Changes under way, shown before the server has answered. */
  pending: Record<string, Overlay>;
  history: Record<string, JournalEvent[]>;
  /** Who changed a visit a moment ago. */
  touched: Record<string, string>;
  /** Names of users by id. */
  office: Record<string, string>;
}

const nothing = (): Floor => ({
  account: null, me: null, visits: {}, jobs: {}, clients: {}, workers: {}, pending: {}, history: {}, touched: {}, office: {},
});

export const [floor, setFloor] = createStore<Floor>(nothing());
export const [link, setLink] = createSignal<Link>("catchingUp");
/** The last moment at which everything shown was current. */
export const [liveUntil, setLiveUntil] = createSignal(Date.now());
export const [now, setNow] = createSignal(Date.now());
export const [loaded, setLoaded] = createSignal(false);

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const zone = () => floor.account?.timeZone ?? browserZone;
export const [chosenDate, setChosenDate] = createSignal<string | null>(null);

// Positions change too often for a store: one map, and a beat that says "look again".
const positions = new Map<string, LivePosition>();
const [beat, setBeat] = createSignal(0);
let beatAsked = false;

export function forget(): void {
  setFloor(reconcile(nothing()));
  rows.clear();
  positions.clear();
  changed();
  heardOf.clear();
  forgetSight();
  setChosenDate(null);
  setLoaded(false);
  beatSoon();
}

// Visits as they are shown (changes under way laid over them), outside the store: every change looks at all of them
// again, and thousands of proxies would make that slow.
const rows = new Map<string, Visit>();
const [changes, setChanges] = createSignal(0);
const FRAME_MS = 16;
let changedAt = 0;
let changeTimer: ReturnType<typeof setTimeout> | undefined;

/** The first change shows at once; those that follow within a frame show together. */
function changed(): void {
  const tell = () => {
    changeTimer = undefined;
    changedAt = performance.now();
    setChanges((n) => n + 1);
  };
  if (changeTimer !== undefined) return;
  if (performance.now() - changedAt >= FRAME_MS) tell();
  else changeTimer = setTimeout(tell, FRAME_MS);
}

function refresh(id: string): void {
  const held = untrack(() => shownVisit(id));
  if (held) rows.set(id, held);
  else rows.delete(id);
}

interface Sorted {
  ofDay: Visit[];
  lanes: Map<string, Visit[]>;
  unscheduled: Visit[];
  unassigned: Visit[];
  done: Visit[];
  proposed: Visit[];
}
const NOBODY: Visit[] = [];
const AT_RISK_MS = 30 * 60_000;

export const derived = createRoot(() => {
  const today = createMemo(() => dateOf(now(), zone()));
  const date = createMemo(() => chosenDate() ?? today());
  const span = createMemo<Span>(() => daySpan(date(), zone()), { from: 0, to: 0 }, {
    equals: (a, b) => a.from === b.from && a.to === b.to,
  });
  const sorted = createMemo(() => {
    changes();
    return sortedInto(rows.values(), span());
  });
  const list = <T>(read: () => T[]) => createMemo(read, [], { equals: sameList });
  const visits = list(() => (changes(), [...rows.values()]));
  const ofDay = list(() => sorted().ofDay);
  const byWorker = createMemo(() => sorted().lanes);
  const unscheduled = list(() => sorted().unscheduled);
  const unassigned = list(() => sorted().unassigned);
  const done = list(() => sorted().done);
  const proposed = list(() => sorted().proposed);
  const late = list(() => sorted().ofDay.filter((visit) => isLate(visit, now())).sort(byStart));
  const atRisk = list(() => {
    const found = new Set<Visit>();
    for (const lane of sorted().lanes.values()) for (const visit of endangered(lane, now())) found.add(visit);
    return [...found].sort(byStart);
  });
  const everybody = list(() => Object.values(floor.workers).sort((a, b) => byName(workerName(a), workerName(b))));
  const workers = list(() => everybody().filter((worker) => worker.status !== "inactive" || byWorker().has(worker.id)));
  const offline = list(() => {
    beat();
    return workers().filter((worker) => {
      const live = positions.get(worker.id);
      return live?.onShift === true && (live.presence === "stale" || live.presence === "lost");
    });
  });
  return { today, date, span, visits, ofDay, byWorker, workers, unscheduled, unassigned, late, atRisk, done, proposed, offline };
});

const byName = new Intl.Collator().compare;

function sameList<T>(a: T[], b: T[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}

function sortedInto(all: Iterable<Visit>, span: Span): Sorted {
  const into: Sorted = { ofDay: [], lanes: new Map(), unscheduled: [], unassigned: [], done: [], proposed: [] };
  for (const visit of all) {
    if (visit.status === "unscheduled") into.unscheduled.push(visit);
    if (!touches(visit, span)) continue;
    into.ofDay.push(visit);
    if (visit.status === "unassigned") into.unassigned.push(visit);
    else if (!isOpen(visit)) into.done.push(visit);
    if (visit.arrivalProposedAt && (visit.status === "scheduled" || visit.status === "traveling")) into.proposed.push(visit);
    for (const id of visit.workerIds) {
      const lane = into.lanes.get(id);
      if (lane) lane.push(visit);
      else into.lanes.set(id, [visit]);
    }
  }
  for (const lane of into.lanes.values()) lane.sort(byStart);
  into.unscheduled.sort(byPriority);
  into.unassigned.sort(byStart);
  into.done.sort(byStart);
  into.proposed.sort(byStart);
  return into;
}

/** Those that begin soon while the one before, of the same person, is past its end. */
function endangered(lane: Visit[], at: number): Visit[] {
  const overrun = lane.some((visit) => isOpen(visit) && visit.status !== "scheduled" && endOf(visit) < at);
  if (!overrun) return NOBODY;
  return lane.filter((visit) => visit.status === "scheduled" && startOf(visit) >= at && startOf(visit) < at + AT_RISK_MS);
}

/** The visits of a lane, in their order; only a change of this lane is a change of the answer. */
export function laneOf(workerId: string): () => string[] {
  return createMemo(() => (derived.byWorker().get(workerId) ?? NOBODY).map((visit) => visit.id), [], { equals: sameList });
}

// A class of its own keeps the store from wrapping each visit: they are replaced whole, never changed.
class Row {}
function whole(visit: Visit): Visit {
  return Object.assign(new Row(), visit);
}

export function shown(visit: Visit): Visit {
  const pending = floor.pending[visit.id];
  return pending ? whole({ ...visit, ...pending }) : visit;
}
export function shownVisit(id: string): Visit | undefined {
  const held = floor.visits[id];
  return held ? shown(held) : undefined;
}
/** Lays a change that is under way over a visit, or takes it off. */
export function setPending(id: string, overlay: Overlay | undefined): void {
  batch(() => {
    setFloor("pending", id, undefined as never);
    if (overlay) setFloor("pending", id, { ...overlay });
    refresh(id);
    changed();
  });
}

const instants = new Map<string, number>();
const MOST_INSTANTS = 20_000;
/** Parsed once: every change of the floor asks for all of them again. */
function msOf(text: string): number {
  let ms = instants.get(text);
  if (ms === undefined) {
    if (instants.size > MOST_INSTANTS) instants.clear();
    ms = Date.parse(text);
    instants.set(text, ms);
  }
  return ms;
}

export function startOf(visit: Visit): number {
  return visit.startsAt ? msOf(visit.startsAt) : Number.MAX_SAFE_INTEGER;
}
export function endOf(visit: Visit): number {
  return visit.endsAt ? msOf(visit.endsAt) : Number.MAX_SAFE_INTEGER;
}
function touches(visit: Visit, span: Span): boolean {
  return visit.startsAt !== null && visit.endsAt !== null && startOf(visit) < span.to && endOf(visit) > span.from;
}
const byStart = (a: Visit, b: Visit) => startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1);
const byPriority = (a: Visit, b: Visit) => (b.priority ?? 0) - (a.priority ?? 0) || (a.id < b.id ? -1 : 1);

export function isLate(visit: Visit, at: number): boolean {
  if (visit.status === "scheduled" || visit.status === "unassigned" || visit.status === "traveling") return startOf(visit) < at;
  if (visit.status === "onSite" || visit.status === "inProgress" || visit.status === "paused") return endOf(visit) < at;
  return false;
}
export function isOpen(visit: Visit): boolean {
  return visit.status !== "completed" && visit.status !== "cancelled" && visit.status !== "noAccess";
}
export function mayBePlaced(visit: Visit): boolean {
  return visit.status === "unscheduled" || visit.status === "unassigned" || visit.status === "scheduled";
}

/** Who has a visit after it was taken from one lane to another; from the queue it gains one. */
export function assignedLane(visit: Visit, from: string | null, to: string): string[] {
  const others = visit.workerIds.filter((id) => id !== from && id !== to);
  return [...others, to];
}

export function putVisit(visit: Visit): boolean {
  const held = untrack(() => floor.visits[visit.id]);
  if (held && held.version > visit.version) return false;
  batch(() => {
    setFloor("visits", visit.id, whole(visit));
    refresh(visit.id);
    changed();
  });
  return true;
}
export function dropVisit(id: string): void {
  batch(() => {
    setFloor("visits", produce((all) => { delete all[id]; }));
    refresh(id);
    changed();
  });
}
/** A snapshot is the truth for its range, but for what this browser already knows to be newer. */
export function replaceVisits(visits: Visit[]): void {
  const next: Record<string, Visit> = {};
  for (const visit of visits) {
    const held = untrack(() => floor.visits[visit.id]);
    next[visit.id] = held && held.version > visit.version ? held : whole(visit);
  }
  batch(() => {
    setFloor("visits", reconcile(next));
    rows.clear();
    for (const id of Object.keys(next)) refresh(id);
    changed();
  });
}

export function displayName(client: Client | undefined): string {
  if (!client) return "";
  const person = [client.firstName, client.lastName].filter(Boolean).join(" ");
  return client.displayName || client.companyName || person;
}
export function workerName(worker: Worker | undefined): string {
  return worker ? `${worker.firstName} ${worker.lastName}`.trim() : "";
}
export function initials(worker: Worker | undefined): string {
  return worker ? ((worker.firstName[0] ?? "") + (worker.lastName[0] ?? "")).toUpperCase() : "?";
}
export function jobOf(visit: Visit | undefined): Job | undefined {
  return visit ? floor.jobs[visit.jobId] : undefined;
}
export function clientOf(visit: Visit | undefined): Client | undefined {
  const job = jobOf(visit);
  return job ? floor.clients[job.clientId] : undefined;
}
export function visitTitle(visit: Visit | undefined): string {
  return jobOf(visit)?.title ?? "…";
}
export function visitPlace(visit: Visit): Place | null {
  return visit.location;
}

export function livePosition(id: string): LivePosition | undefined {
  beat();
  return positions.get(id);
}
export function allPositions(): LivePosition[] {
  beat();
  return [...positions.values()];
}
export function presenceOf(id: string): Presence {
  return livePosition(id)?.presence ?? "never";
}
/** Who was heard of since the map last asked. */
const heardOf = new Set<string>();
export function takeHeardOf(): string[] {
  beat();
  const ids = [...heardOf];
  heardOf.clear();
  return ids;
}
/** Something about them is to be looked at again, though their positions are what they were. */
export function hearOf(ids: string[]): void {
  for (const id of ids) heardOf.add(id);
  if (ids.length) beatSoon();
}
/** For those who look by themselves, frame by frame: nobody is told when it changes. */
export const positionNow = (id: string): LivePosition | undefined => positions.get(id);
export function putPositions(list: LivePosition[]): void {
  for (const one of list) {
    heardOf.add(one.id);
    const held = positions.get(one.id);
    if (held?.at && one.at && Date.parse(one.at) < Date.parse(held.at)) {
      positions.set(one.id, { ...one, lat: held.lat, lng: held.lng, at: held.at });
    } else positions.set(one.id, { ...held, ...one });
  }
  beatSoon();
}

function beatSoon(): void {
  if (beatAsked) return;
  beatAsked = true;
  const run = () => {
    beatAsked = false;
    setBeat((n) => n + 1);
  };
  if (document.hidden) setTimeout(run, 500);
  else requestAnimationFrame(run);
}
