// What the dispatch floor is made of, as the browser knows it: visits, jobs,
// clients, people and their live positions. It stores and looks up; loading is
// sync.ts, changing is actions.ts.
import { createMemo, createRoot, createSignal } from "solid-js";
import { createStore, produce, reconcile } from "solid-js/store";
import type { Account, Client, Job, JournalEvent, LivePosition, Me, Place, Presence, Visit, Worker } from "../api/types";
import { dateOf, daySpan, type Span } from "../time";
import type { Link } from "../stream";

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
  positions.clear();
  setChosenDate(null);
  setLoaded(false);
  beatSoon();
}

export const derived = createRoot(() => {
  const today = createMemo(() => dateOf(now(), zone()));
  const date = createMemo(() => chosenDate() ?? today());
  const span = createMemo<Span>(() => daySpan(date(), zone()), { from: 0, to: 0 }, {
    equals: (a, b) => a.from === b.from && a.to === b.to,
  });
  const visits = createMemo<Visit[]>(() => Object.values(floor.visits).map(shown));
  const ofDay = createMemo(() => visits().filter((visit) => touches(visit, span())));
  const byWorker = createMemo(() => {
    const lanes = new Map<string, Visit[]>();
    for (const visit of ofDay()) {
      for (const id of visit.workerIds) {
        const lane = lanes.get(id);
        if (lane) lane.push(visit);
        else lanes.set(id, [visit]);
      }
    }
    for (const lane of lanes.values()) lane.sort(byStart);
    return lanes;
  });
  const workers = createMemo(() =>
    Object.values(floor.workers)
      .filter((worker) => worker.status !== "inactive" || byWorker().has(worker.id))
      .sort((a, b) => workerName(a).localeCompare(workerName(b))));
  const unscheduled = createMemo(() => visits().filter((v) => v.status === "unscheduled").sort(byPriority));
  const unassigned = createMemo(() => ofDay().filter((v) => v.status === "unassigned").sort(byStart));
  const late = createMemo(() => ofDay().filter((v) => isLate(v, now())).sort(byStart));
  const done = createMemo(() =>
    ofDay().filter((v) => v.status === "completed" || v.status === "noAccess" || v.status === "cancelled").sort(byStart));
  const offline = createMemo(() => {
    beat();
    return workers().filter((worker) => {
      const live = positions.get(worker.id);
      return live?.onShift === true && (live.presence === "stale" || live.presence === "lost");
    });
  });
  return { today, date, span, visits, ofDay, byWorker, workers, unscheduled, unassigned, late, done, offline };
});

export function shown(visit: Visit): Visit {
  const pending = floor.pending[visit.id];
  return pending ? { ...visit, ...pending } : visit;
}

export function startOf(visit: Visit): number {
  return visit.startsAt ? Date.parse(visit.startsAt) : Number.MAX_SAFE_INTEGER;
}
export function endOf(visit: Visit): number {
  return visit.endsAt ? Date.parse(visit.endsAt) : Number.MAX_SAFE_INTEGER;
}
function touches(visit: Visit, span: Span): boolean {
  return visit.startsAt !== null && visit.endsAt !== null && startOf(visit) < span.to && endOf(visit) > span.from;
}
const byStart = (a: Visit, b: Visit) => startOf(a) - startOf(b) || a.id.localeCompare(b.id);
const byPriority = (a: Visit, b: Visit) => (b.priority ?? 0) - (a.priority ?? 0) || a.id.localeCompare(b.id);

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
  const held = floor.visits[visit.id];
  if (held && held.version > visit.version) return false;
  setFloor("visits", visit.id, reconcile(visit));
  return true;
}
export function dropVisit(id: string): void {
  setFloor("visits", produce((all) => { delete all[id]; }));
}
/** A snapshot is the truth for its range, but for what this browser already knows to be newer. */
export function replaceVisits(visits: Visit[]): void {
  const next: Record<string, Visit> = {};
  for (const visit of visits) {
    const held = floor.visits[visit.id];
    next[visit.id] = held && held.version > visit.version ? { ...held } : visit;
  }
  setFloor("visits", reconcile(next));
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
export function putPositions(list: LivePosition[]): void {
  for (const one of list) {
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
