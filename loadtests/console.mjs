// How fast the console is on a large floor: 500 people, 3,000 visits, and a map of
// 10,000, in a real Chromium. The floor is made up and served from here, so that only the browser
// is measured; the page is the one in static/dist. Figures go to the terminal.
//
// The main thread's own time is counted (not the clock on the wall), so that a
// busy machine does not change the figures much.
//
//   node loadtests/console.mjs [workers] [visits] [people on the map]
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "static/dist");
const require = createRequire(join(ROOT, "static/package.json"));
const { chromium } = require("playwright-core");

const WORKERS = Number(process.argv[2] ?? 500);
const VISITS = Number(process.argv[3] ?? 3000);
const MARKERS = Number(process.argv[4] ?? 10_000);
const MOVES = 15;
/** Of 10,000 people who report every ten seconds, so many move in a second. */
const MOVING = MARKERS / 10;
const SECOND_MS = 1000;
const MAP_BUDGET_MS = 100;
const EVENTS = 40;
const PAINTS = 12;
const PAINT_BUDGET_MS = 100;
const EVENT_BUDGET_MS = 16;
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"];
const HOUR_MS = 3_600_000;

const id = (kind, n) => `00000000-0000-7000-${kind}-${String(n).padStart(12, "0")}`;
const workerId = (n) => id("8001", n);
const now = Date.now();
const dayStart = Math.floor(now / (24 * HOUR_MS)) * 24 * HOUR_MS;
const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");
const STATES = ["scheduled", "scheduled", "scheduled", "completed", "inProgress", "traveling"];

const person = (n) => ({
  type: "worker", id: workerId(n), attributes: {
    firstName: `Person${String(n).padStart(3, "0")}`, lastName: "Example", status: "active", skills: n % 3 ? ["gas"] : ["water", "heating"], timeZone: "UTC",
    workingHours: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map((weekday) => ({ weekday, start: "06:00", end: "20:00" })), timeOff: [],
    live: { lat: 47 + (n % 100) / 300, lng: 8 + Math.floor(n / 100) / 200, at: iso(now), presence: "online", reason: "REPORTING", onShift: true, batteryPct: 80, accuracyM: 8 },
  },
});
const workers = Array.from({ length: WORKERS }, (_, n) => person(n));
// One visit in twelve waits for somebody: a queue of 250 beside the lanes.
const visits = Array.from({ length: VISITS }, (_, n) => {
  const from = dayStart + 6 * HOUR_MS + ((Math.floor(n / WORKERS) * 2 + (n % 3) * 0.25) % 17) * HOUR_MS;
  const waits = n % 12 === 11;
  return { type: "visit", id: id("8002", n), attributes: {
    jobId: id("8003", n), status: waits ? "unassigned" : STATES[n % STATES.length], startsAt: iso(from), endsAt: iso(from + HOUR_MS), workerIds: waits ? [] : [workerId(n % WORKERS)],
    location: { lat: 47 + (n % 50) / 200, lng: 8 + (n % 40) / 200 }, requiredSkills: [], priority: 3, overlapAllowed: false, version: 1,
  } };
});
const jobs = visits.map((visit, n) => ({ type: "job", id: visit.attributes.jobId, attributes: { number: n + 1, title: `Boiler service ${n}`, clientId: id("8004", n % 400), status: "open" } }));
const clients = Array.from({ length: 400 }, (_, n) => ({ type: "client", id: id("8004", n), attributes: { displayName: `Client ${n}` } }));

function answer(path, query) {
  const page = (all) => {
    const [at, limit] = [Number(query.get("page") ?? 1), Number(query.get("limit") ?? 200)];
    return { data: all.slice((at - 1) * limit, at * limit), meta: { totalPages: Math.ceil(all.length / limit) } };
  };
  switch (path) {
    case "/account": return { data: { type: "account", id: id("8005", 1), attributes: { name: "Large Floor", timeZone: "UTC", currency: "EUR" } } };
    case "/users/me": return { data: { type: "user", id: id("8006", 1), attributes: { firstName: "Ann", lastName: "Roe", email: "ann@example.com", role: "dispatcher" } } };
    case "/workers": return page(workers);
    case "/schedule": return { data: visits, included: [...jobs, ...clients], meta: { seq: 1, epoch: "e" } };
    case "/basemap": return { data: { type: "basemap", attributes: { kind: "none" } } };
    case "/stream/tickets": return { data: { type: "streamTicket", id: id("8007", 1), attributes: { ticket: "t" } } };
    default: return { data: [], links: { next: null }, meta: {} };
  }
}

const server = createServer((request, response) => {
  const url = new URL(request.url, "http://x");
  if (url.pathname.startsWith("/api/v1")) {
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify(answer(url.pathname.slice("/api/v1".length), url.searchParams)));
  }
  if (url.pathname === "/health") return response.end("{}");
  const file = join(DIST, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
  if (!file.startsWith(DIST) || !existsSync(file)) return response.writeHead(404).end();
  response.setHeader("Content-Type", KINDS[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({ executablePath: process.env.MUSTER_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
await context.addInitScript(() => localStorage.setItem("muster.session", JSON.stringify({ accessToken: "a", refreshToken: "r", expiresAt: Date.now() + 9e6 })));
const page = await context.newPage();
let socket;
let seq = 1;
let sockets = 0;
await page.routeWebSocket(/\/api\/v1\/stream/, (ws) => {
  socket = ws;
  sockets += 1;
  const send = (frame) => ws.send(JSON.stringify(frame));
  send({ type: "hello", heartbeatS: 25, maxFrameBytes: 65536, maxSubscriptions: 32 });
  ws.onMessage((text) => {
    const frame = JSON.parse(String(text));
    if (frame.type !== "subscribe") return;
    send({ type: "subscribed", id: frame.id, topic: frame.topic, epoch: "e", seq, recovered: false });
    if (frame.topic === "schedule") {
      for (let at = 0; at < visits.length; at += 100) send({ type: "snapshot", id: frame.id, seq, visits: visits.slice(at, at + 100), last: at + 100 >= visits.length });
      ws.topic = frame.id;
      return;
    }
    ws.map = frame.id;
    for (let at = 0; at < workers.length; at += 200) send({ type: "snapshot", id: frame.id, workers: workers.slice(at, at + 200).map((one) => ({ id: one.id, ...one.attributes.live })), last: at + 200 >= workers.length });
  });
});
await page.goto(address);
await page.waitForSelector('[data-loaded="true"][data-link="live"]');
const cdp = await context.newCDPSession(page);
await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
const taskMs = async () => (await cdp.send("Performance.getMetrics")).metrics.find((one) => one.name === "TaskDuration").value * 1000;
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
await rest(4000);

const cards = await page.locator(".lanes .card").count();
const lanes = await page.locator(".lanes .lane").count();
const nodes = await page.locator(".board *").count();
const items = await page.locator(".queue .item").count();

/** Main-thread time of something, until a frame after it is on the screen. */
async function painting(act, undo) {
  const spent = [];
  for (let n = 0; n < PAINTS; n += 1) {
    const began = await taskMs();
    await page.evaluate(act);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    spent.push((await taskMs()) - began);
    await page.evaluate(undo);
    await rest(150);
  }
  return spent.sort((a, b) => a - b);
}

async function cost(act, times = EVENTS, settledMs = 70) {
  const idle = [];
  const busy = [];
  for (let n = 0; n < times; n += 1) {
    const start = await taskMs();
    await rest(settledMs);
    idle.push((await taskMs()) - start);
    const began = await taskMs();
    act(n);
    await rest(settledMs);
    busy.push((await taskMs()) - began);
  }
  const mean = idle.reduce((sum, one) => sum + one, 0) / idle.length;
  return busy.map((one) => Math.max(0, one - mean)).sort((a, b) => a - b);
}
const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(1);
const say = (what, sorted) => console.log(`${what.padEnd(52)} median ${at(sorted, 0.5)} ms   p95 ${at(sorted, 0.95)} ms   most ${at(sorted, 1)} ms`);
const event = (n, change) => {
  const visit = visits[n];
  visit.attributes = { ...visit.attributes, ...change, version: visit.attributes.version + 1 };
  const prev = seq;
  seq += 1;
  socket.send(JSON.stringify({ type: "event", id: socket.topic, prev, seq, event: { seq, type: "visit.moved", at: iso(Date.now()), actor: { kind: "user", id: id("8006", 1) }, visit } }));
};
const shift = (n) => ({ startsAt: iso(Date.parse(visits[n].attributes.startsAt) + 900_000), endsAt: iso(Date.parse(visits[n].attributes.endsAt) + 900_000) });

console.log(`${WORKERS} people, ${VISITS} visits: ${lanes} lanes, ${cards} cards, ${items} items of the queue, ${nodes} elements of the board in the document`);
const filter = () => document.querySelector('[data-count="offline"]').click();
await page.evaluate(filter);
await rest(300);
say("all lanes put on an empty board and painted", await painting(filter, filter));
await page.evaluate(filter);
await rest(300);
const scroll = () => { document.querySelector("[data-board]").scrollTop += 2000; };
say("the board scrolled to lanes never drawn, painted", await painting(scroll, () => undefined));
await page.evaluate(() => { document.querySelector("[data-board]").scrollTop = 0; });
await rest(300);
say("an event on a lane in sight", await cost((n) => event(n % 12, shift(n % 12))));
say("an event on a lane out of sight", await cost((n) => event(200 + n, shift(200 + n))));
say("a visit taken to another lane", await cost((n) => event(n % 12, { workerIds: [workerId((n * 7) % 12)] })));
// Figures of a page that did not take the events in would be worth nothing.
const last = visits[(EVENTS - 1) % 12];
const taken = await page.locator(`[data-lane="${last.attributes.workerIds[0]}"] [data-visit="${last.id}"]`).count();
if (taken !== 1 || sockets !== 1) throw new Error(`the page did not follow: ${taken} cards, ${sockets} sockets`);

while (workers.length < MARKERS) workers.push(person(workers.length));
await page.reload();
await page.waitForSelector('[data-loaded="true"][data-link="live"]', { timeout: 120_000 });
const drawn = () => page.evaluate(() => (window.muster?.mapReady() ? window.muster.workersOnMap().length : 0));
for (let tries = 0; (await drawn()) !== MARKERS; tries += 1) {
  if (tries > 300) throw new Error(`${await drawn()} of ${MARKERS} people came onto the map`);
  await rest(200);
}
await rest(4000);
let turn = 0;
const stir = () => {
  turn += 1;
  const up = [];
  for (let n = turn % 10; n < MARKERS; n += MARKERS / MOVING) {
    const live = workers[n].attributes.live;
    Object.assign(live, { lat: live.lat + 0.0004, lng: live.lng + 0.0003, at: iso(Date.now()), headingDeg: (turn * 20) % 360, speedMps: 9 });
    up.push({ id: workers[n].id, ...live });
  }
  for (let at = 0; at < up.length; at += 200) socket.send(JSON.stringify({ type: "delta", id: socket.map, up: up.slice(at, at + 200), rm: [] }));
};
say(`${MOVING} of ${MARKERS} people move, all in sight`, await cost(stir, MOVES, SECOND_MS));
for (let n = 0; n < 4; n += 1) {
  await page.getByRole("button", { name: "Zoom in" }).last().click();
  await rest(700);
}
await rest(2000);
say(`the same, looked at from zoom ${(await page.evaluate(() => window.muster.zoom())).toFixed(0)}`, await cost(stir, MOVES, SECOND_MS));
const mine = workers[turn % 10].attributes.live;
const theirs = await page.evaluate((one) => window.muster.workersOnMap().find((dot) => dot.id === one), workers[turn % 10].id);
if (theirs.lat !== mine.lat || theirs.lng !== mine.lng) throw new Error("the map did not follow");
console.log(`budgets: ${PAINT_BUDGET_MS} ms to paint, ${EVENT_BUDGET_MS} ms for an event, ${MAP_BUDGET_MS} ms for a second's positions`);
await browser.close();
server.close();
