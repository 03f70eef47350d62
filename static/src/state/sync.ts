// Brings the floor up to date and keeps it so: first load, the live stream,
// and refetching what an event only names. It changes nothing on the server.
import { batch, createEffect, on, onCleanup, untrack } from "solid-js";
import { reconcile } from "solid-js/store";
import { get, getAll } from "../api/http";
import { flat, type Account, type Actor, type Answer, type Client, type ClientAttributes, type Job, type JobAttributes,
  type JournalEvent, type Me, type Resource, type VisitAttributes, type Worker, type WorkerAttributes } from "../api/types";
import { flatVisit, type Look, type News, type StreamEvent } from "../stream";
import { LiveStream } from "../streamSocket";
import { m } from "../messages";
import { allPositions, derived, dropVisit, floor, hearOf, link, putPositions, putVisit, replaceVisits, setFloor, setLink, setLiveUntil, setLoaded, setNow, visitTitle } from "./floor";
import { announce, complain, inWords } from "./notices";
import { forgetHolds, holdThrough, told } from "./holds";
import { inOffice } from "./may";
import { cameIntoSight, changeCrowds, replaceCrowds, wentOutOfSight } from "./sight";
import { actorWords } from "./words";

const MAP = "map";
/** Ten thousand people, where the pages of the API end. */
const ROSTER_PAGES = 50;
const HISTORY_KEPT = 60;
const TOUCHED_MS = 5_000;
const HISTORY_PAGE = 200;
const HISTORY_PAGES = 3;
let journalSeq = 0;
let stream: LiveStream | null = null;
/** Who came with the last picture of the map's part. */
let inSnapshot = new Set<string>();
let looked: Look = { viewport: [-180, -85, 180, 85] };
let dayTopic = 0;

/** Starts everything for the person signed in; to be called in a component. */
export function keepInSync(): void {
  createEffect(on(() => [derived.span().from, derived.span().to], () => {
    // The first day is subscribed by begin(), once the account's zone is known.
    if (!stream || dayTopic === 0) return;
    watchDay(stream);
    void loadDay();
  }, { defer: true }));
  const ticking = setInterval(() => setNow(Date.now()), 10_000);
  // The stream tells positions of the map's part only; the lanes show everybody.
  const rollCall = setInterval(() => !document.hidden && refreshRosterSoon(), 60_000);
  const live = new LiveStream(hear);
  stream = live;
  void begin(live);
  onCleanup(() => {
    clearInterval(ticking);
    clearInterval(rollCall);
    holdThrough(null);
    live.stop();
    stream = null;
    dayTopic = 0;
  });
}

async function begin(live: LiveStream): Promise<void> {
  try {
    const [account, me] = await Promise.all([get<Resource<Account>>("/account"), get<Resource<Omit<Me, "id">>>("/users/me")]);
    setFloor({ account: account.data.attributes, me: flat(me.data) });
    if (floor.me?.role === "limitedWorker") {
      // Nothing is shown that could be out of date.
      setLink("live");
      return void setLoaded(true);
    }
    await Promise.all([loadRoster(), loadDay()]);
    if (inOffice()) {
      void loadHistory();
      void loadOffice();
    }
  } catch (error) {
    complain(inWords(error));
  }
  setLoaded(true);
  if (stream !== live) return;
  if (inOffice()) live.subscribe({ id: MAP, topic: "workers", ...looked });
  watchDay(live);
  live.start();
  holdThrough({
    hold: (visitId) => live.hold(`day${dayTopic}`, visitId),
    release: (visitId) => live.release(`day${dayTopic}`, visitId),
  });
}

function watchDay(live: LiveStream): void {
  if (dayTopic > 0) live.unsubscribe(`day${dayTopic}`);
  dayTopic += 1;
  const { from, to } = derived.span();
  live.subscribe({ id: `day${dayTopic}`, topic: "schedule", from: iso(from), to: iso(to) });
}

export function lookAt(look: Look): void {
  looked = look;
  stream?.look(MAP, look);
}

async function loadDay(): Promise<void> {
  const { from, to } = derived.span();
  const path = `/schedule?from=${iso(from)}&to=${iso(to)}&include=job,client`;
  try {
    const answer = await get<Resource<VisitAttributes>[]>(path);
    if (derived.span().from !== from) return;
    journalSeq = Number(answer.meta?.seq ?? journalSeq);
    takeIncluded(answer.included);
    const visits = answer.data.map((one) => flatVisit(one as unknown as Record<string, unknown>));
    if (link() === "live") batch(() => visits.forEach(putVisit));
    else replaceVisits(visits);
    missing();
  } catch (error) {
    complain(inWords(error));
  }
}

export async function loadRoster(): Promise<void> {
  const answer = await getAll<Resource<WorkerAttributes>>("/workers", ROSTER_PAGES);
  const workers: Record<string, Worker> = {};
  for (const resource of answer.data) {
    const worker = flat(resource);
    workers[worker.id] = worker;
    if (worker.live) putPositions([{ ...worker.live, id: worker.id }]);
  }
  setFloor("workers", reconcile(workers));
}

export async function loadClients(): Promise<Client[]> {
  const answer = await getAll<Resource<ClientAttributes>>("/clients");
  return answer.data.map((resource) => flat(resource));
}

export async function loadClient(id: string): Promise<Client> {
  const answer = await get<Resource<ClientAttributes>>(`/clients/${id}?include=properties`);
  const client = flat(answer.data);
  setFloor("clients", id, reconcile(client));
  return client;
}

export function takeIncluded(included: Answer<unknown>["included"]): void {
  const jobs: Record<string, Job> = {};
  const clients: Record<string, Client> = {};
  for (const resource of included ?? []) {
    if (resource.type === "job") jobs[resource.id] = flat(resource) as unknown as Job;
    else if (resource.type === "client") clients[resource.id] = flat(resource) as unknown as Client;
    else if (resource.type === "visit") putVisit(flatVisit(resource as unknown as Record<string, unknown>));
  }
  batch(() => {
    // A client that came with its properties keeps them.
    for (const id of Object.keys(clients)) clients[id] = { ...untrack(() => floor.clients[id]), ...clients[id]! };
    setFloor("jobs", jobs);
    setFloor("clients", clients);
  });
}
export function putJob(job: Job): void {
  setFloor("jobs", job.id, reconcile(job));
}

function hear(news: News): void {
  switch (news.kind) {
    case "link": return linkChanged(news.link);
    case "workersReplaced":
    case "workersChanged": {
      const list = news.kind === "workersReplaced" ? news.workers : news.up;
      cameIntoSight(list.map((one) => one.id));
      if (news.kind === "workersReplaced") inSnapshot = new Set(list.map((one) => one.id));
      else outOfSight(news.rm);
      putPositions(list);
      if (list.some((one) => !floor.workers[one.id])) refreshRosterSoon();
      return;
    }
    case "clustersReplaced":
      // Whoever is counted in a crowd is not shown beside it.
      if (news.clusters.length) outOfSight(untrack(allPositions).flatMap((one) => (inSnapshot.has(one.id) ? [] : [one.id])));
      return replaceCrowds(news.clusters);
    case "clustersChanged": return changeCrowds(news.up, news.rm);
    case "visitsReplaced":
      replaceVisits(news.visits);
      return missing();
    case "event": return event(news.event, news.seq, news.removed);
    case "holding": return told(news.visitId, news.by);
    case "over":
      if (news.code !== 4401) complain(m.said.linkLost);
      return;
    case "refused": console.info("stream refused", news.code);
  }
}

/** The map does not look there: what was drawn of them goes. */
function outOfSight(ids: string[]): void {
  wentOutOfSight(ids);
  hearOf(ids);
}

function linkChanged(next: ReturnType<typeof link>): void {
  const before = link();
  if (before === "live" || next === "live") setLiveUntil(Date.now());
  if (next !== "live") forgetHolds();
  setLink(next);
  if (next === "offline") announce(m.said.linkLost);
  if (next === "live" && before === "offline") {
    announce(m.said.linkBack);
    refreshRosterSoon();
  }
}

function event(one: StreamEvent, seq: number, removed: string | null): void {
  if (removed) return dropVisit(removed);
  if (one.visit) {
    const visit = flatVisit(one.visit as Record<string, unknown>);
    putVisit(visit);
    remember(visit.id, one, seq);
    showWho(visit.id, one);
    if (!floor.jobs[visit.jobId]) missing();
    return;
  }
  const [noun] = one.type.split(".");
  const subject = subjectOf(one);
  if (noun === "worker" || noun === "timeOff" || noun === "user") refreshRosterSoon();
  else if (one.type === "job.created" || one.type === "job.updated") void (subject ? fetchJob(subject) : loadDay());
  else if (noun === "client" || noun === "property") void (subject && floor.clients[subject] ? loadClient(subject) : undefined);
  else if (noun === "account") void get<Resource<Account>>("/account").then((a) => setFloor("account", a.data.attributes));
}

function subjectOf(one: StreamEvent): string | null {
  const found = one.id ?? one.subject ?? one.subjectId ?? one.jobId ?? one.clientId
    ?? (one.job as { id?: string } | undefined)?.id ?? (one.client as { id?: string } | undefined)?.id;
  return typeof found === "string" && found.includes("-") ? found : null;
}

function actorOf(one: StreamEvent): Actor | null {
  return ((one.by ?? one.actor) as Actor | undefined) ?? null;
}

const strangers = new Set<string>();
const DECIDED = new Set(["visit.created", "visit.assigned", "visit.unassigned", "visit.moved", "visit.cancelled", "visit.reopened"]);
/** Whose hand it was, for a moment, when it was not one's own. */
function showWho(visitId: string, one: StreamEvent): void {
  const actor = actorOf(one);
  // What nobody did with his own hand changes in silence; arrivals are told by their tray.
  if (!actor || actor.id === floor.me?.id || actor.kind === "system") return;
  const who = actorWords(actor);
  if (!who) {
    // Somebody who was not there when the page was opened: the next time he has a name.
    if (inOffice() && actor.kind === "user" && !strangers.has(actor.id ?? "")) {
      strangers.add(actor.id ?? "");
      void loadOffice().then(() => actorWords(actor) && showWho(visitId, one));
    }
    return;
  }
  // A worker's step on his own visit shows on his lane; hundreds of them a minute are not read aloud.
  if (floor.visits[visitId]?.workerIds.includes(actor.id ?? "")) return;
  setFloor("touched", visitId, who);
  if (DECIDED.has(one.type)) announce([who, visitTitle(floor.visits[visitId]), m.events[one.type] ?? one.type].join(", "));
  setTimeout(() => setFloor("touched", visitId, undefined as never), TOUCHED_MS);
}

/** Names for those who are not workers: the office. */
async function loadOffice(): Promise<void> {
  try {
    const answer = await getAll<Resource<{ firstName: string; lastName: string }>>("/users");
    setFloor("office", Object.fromEntries(answer.data.map((one) => [one.id, `${one.attributes.firstName} ${one.attributes.lastName}`.trim()])));
  } catch {
    // Not every role may list the users; their changes then go unnamed.
  }
}

function remember(visitId: string, one: StreamEvent, seq: number): void {
  keepHistory(visitId, [{
    seq, type: one.type, at: String(one.at ?? new Date().toISOString()),
    actor: actorOf(one), reason: one.reason as string | undefined,
  }]);
}

function keepHistory(visitId: string, entries: JournalEvent[]): void {
  setFloor("history", visitId, (held = []) => {
    const known = new Set(held.map((one) => one.seq));
    return [...held, ...entries.filter((one) => !known.has(one.seq))].sort((a, b) => a.seq - b.seq).slice(-HISTORY_KEPT);
  });
}

/** The latest part of the journal, so that details have a past from the start. */
async function loadHistory(): Promise<void> {
  let after = Math.max(0, journalSeq - HISTORY_PAGES * HISTORY_PAGE);
  try {
    for (let page = 0; page < HISTORY_PAGES; page += 1) {
      const answer = await get<Resource<JournalEvent>[]>(`/events?page[after]=${after}&page[size]=${HISTORY_PAGE}`);
      for (const { attributes } of answer.data) {
        if (attributes.visit) keepHistory(attributes.visit.id, [{ ...attributes, visit: undefined }]);
        after = Math.max(after, attributes.seq);
      }
      if (answer.data.length < HISTORY_PAGE) return;
    }
  } catch {
    // Not everybody may read the journal; what the stream tells remains.
  }
}

let rosterTimer: ReturnType<typeof setTimeout> | undefined;
export function refreshRosterSoon(): void {
  clearTimeout(rosterTimer);
  rosterTimer = setTimeout(() => void loadRoster().catch((error) => complain(inWords(error))), 250);
}

let missingTimer: ReturnType<typeof setTimeout> | undefined;
const asked = new Set<string>();
/** Jobs and clients that a visit names and nobody has brought yet. */
function missing(): void {
  clearTimeout(missingTimer);
  missingTimer = setTimeout(() => {
    const jobs = new Set<string>();
    for (const visit of Object.values(floor.visits)) {
      if (!floor.jobs[visit.jobId] && !asked.has(visit.jobId)) jobs.add(visit.jobId);
    }
    for (const id of jobs) asked.add(id);
    if (jobs.size > 12) void loadDay();
    else for (const id of jobs) void fetchJob(id);
  }, 60);
}

async function fetchJob(id: string): Promise<void> {
  try {
    const answer = await get<Resource<JobAttributes>>(`/jobs/${id}`);
    const job = flat(answer.data);
    putJob(job);
    if (!floor.clients[job.clientId]) await loadClient(job.clientId);
  } catch {
    // A job that cannot be read leaves its visits without a title, nothing worse.
    asked.delete(id);
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
