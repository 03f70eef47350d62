// The reference client of the stream (static/src/stream.ts, compiled as the
// console's is) against a running server (MUSTER_URL), over lines that are cut
// at random bytes while the schedule changes: every client must end with what
// GET /schedule answers. Needs no browser.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const HERE = fileURLToPath(import.meta.url);
const SERVER = new URL((process.env.MUSTER_URL ?? "http://127.0.0.1:8080").replace(/\/$/, ""));
const PASSWORD = "Correct-horse-9!";
const CLIENTS = 4;
const CUTS = 40;
const LASTS_MS = 8_000;
const FROM = "2026-12-01T00:00:00Z";
const TO = "2026-12-02T00:00:00Z";

if (typeof WebSocket === "undefined") {
  // Node 20 has a WebSocket, but only on request.
  test("the reference client ends with the schedule, however often it is cut off", () => {
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const again = spawnSync(process.execPath, ["--experimental-websocket", "--no-warnings", "--test", HERE], { env, encoding: "utf8" });
    assert.equal(again.status, 0, again.stdout + again.stderr);
  });
} else {
  test("the reference client ends with the schedule, however often it is cut off", lawOnBadLines);
}

async function compiled() {
  const require = createRequire(new URL("../../static/package.json", import.meta.url));
  const { build } = await import(pathToFileURL(require.resolve("vite")));
  const root = fileURLToPath(new URL("../../static", import.meta.url));
  const built = await build({
    root, configFile: false, logLevel: "error",
    build: { write: false, minify: false, lib: { entry: `${root}/src/stream.ts`, formats: ["es"] } },
  });
  const { code } = [built].flat()[0].output[0];
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}

let token;
async function api(method, path, body) {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(`${SERVER.origin}/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}
const create = (path, type, attributes) => api("POST", path, { data: { type, attributes } });

/** Passes bytes on to the server, and cuts each connection at a random byte or moment. */
function badLine() {
  const line = { cuts: 0, healed: false, port: 0 };
  const proxy = createServer((client) => {
    const server = connect(Number(SERVER.port), SERVER.hostname);
    let left = Math.ceil(Math.random() * [300, 3_000, 30_000][Math.floor(Math.random() * 3)]);
    const cut = () => {
      if (line.healed || client.destroyed) return;
      line.cuts += 1;
      if (Math.random() < 0.5) client.resetAndDestroy();
      else client.end();
      server.resetAndDestroy();
    };
    const timer = setTimeout(cut, 50 + Math.random() * 700);
    server.on("data", (bytes) => {
      if (line.healed || bytes.length < left) {
        left -= bytes.length;
        client.write(bytes);
        return;
      }
      if (left > 0) client.write(bytes.subarray(0, left), cut);
      left = 0;
    });
    client.on("data", (bytes) => server.write(bytes));
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on("error", () => other.destroy());
      one.on("close", () => { clearTimeout(timer); other.destroy(); });
    }
  });
  return new Promise((resolve) => proxy.listen(0, "127.0.0.1", () => {
    line.port = proxy.address().port;
    line.close = () => proxy.close();
    resolve(line);
  }));
}

/** What streamSocket.ts is to the console: a socket, timers and dice, and a picture of what was told. */
class Client {
  visits = new Map();
  link = "offline";
  resumed = 0;
  #protocol;
  #socket = null;
  #line;
  #stopped = false;
  constructor(StreamProtocol, line) {
    this.#protocol = new StreamProtocol();
    this.#line = line;
    this.perform(this.#protocol.subscribe({ id: "day", topic: "schedule", from: FROM, to: TO }));
    this.perform(this.#protocol.start());
  }
  perform(effects) {
    for (const one of effects) {
      if (one.do === "tell") this.hear(one.news);
      else if (one.do === "send") this.#socket?.send(JSON.stringify(one.frame));
      else if (one.do === "drop") this.drop();
      else if (one.do === "connect") setTimeout(() => this.connect(), Math.min(one.afterMs, 200));
    }
  }
  hear(news) {
    if (news.kind === "link") this.link = news.link;
    if (news.kind === "visitsReplaced") this.visits = new Map(news.visits.map((visit) => [visit.id, visit]));
    if (news.kind === "event") {
      const visit = news.event.visit;
      if (news.removed) this.visits.delete(news.removed);
      else if (visit) this.visits.set(visit.id, { ...visit.attributes, id: visit.id });
    }
    assert.notEqual(news.kind, "over");
  }
  connect() {
    if (this.#stopped) return;
    const socket = new WebSocket(`ws://127.0.0.1:${this.#line.port}/api/v1/stream`, "muster.v1.json");
    this.#socket = socket;
    const mine = (act) => (event) => this.#socket === socket && act(event);
    socket.onopen = mine(() => {
      socket.send(JSON.stringify({ type: "auth", token }));
      this.perform(this.#protocol.opened(Date.now()));
    });
    socket.onmessage = mine(({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "subscribed" && frame.recovered) this.resumed += 1;
      this.perform(this.#protocol.received(frame, Date.now()));
    });
    // Node tells of a handshake that failed by an error alone; a browser by both.
    socket.onerror = mine(() => this.lost(1006));
    socket.onclose = mine((event) => this.lost(event.code));
  }
  drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.lost(1006);
    socket.close();
  }
  lost(code) {
    this.#socket = null;
    this.perform(this.#protocol.closed(code, Math.random()));
  }
  stop() {
    this.#stopped = true;
    this.perform(this.#protocol.stop());
  }
}

async function lawOnBadLines() {
  const { StreamProtocol } = await compiled();
  const run = Date.now().toString(36);
  const owner = { firstName: "Ann", lastName: "Roe", email: `stream-${run}@example.com`, password: PASSWORD };
  await create("/accounts", "account", { name: `Cuts ${run}`, timeZone: "Europe/Zurich", currency: "CHF", owner });
  token = (await api("POST", "/auth/login", { email: owner.email, password: PASSWORD })).accessToken;
  const worker = await create("/workers", "worker", { firstName: "Bob", lastName: "Lee", email: `bob-${run}@example.com`, password: PASSWORD });
  const client = await create("/clients", "client", { firstName: "Cleo", lastName: "Marsh",
    properties: [{ name: "Home", address: { street: "Lake Road 1", city: "Vaduz" }, location: { lat: 47.14, lng: 9.52 } }] });
  const line = await badLine();
  const clients = Array.from({ length: CLIENTS }, () => new Client(StreamProtocol, line));
  try {
    await law(line, clients, worker.data.id, client.data.id);
  } finally {
    for (const one of clients) one.stop();
    line.close();
  }
}

async function law(line, clients, workerId, clientId) {
  const visits = [];
  const end = Date.now() + LASTS_MS;
  for (let n = 0; Date.now() < end || line.cuts < CUTS; n += 1) {
    assert.ok(Date.now() < end + 60_000, `only ${line.cuts} cuts`);
    if (n % 10 === 0) {
      const hour = String(n / 10 % 23).padStart(2, "0");
      const window = { startsAt: `2026-12-01T${hour}:00:00Z`, endsAt: `2026-12-01T${hour}:45:00Z` };
      const job = await create("/jobs", "job", { title: "Boiler", clientId, visits: [window] });
      visits.push(job.included[0].id);
    }
    const verb = n % 2 ? "unassign" : "assign";
    const visit = visits[Math.floor(n / 2) % visits.length];
    // A refusal (he is elsewhere) changes nothing.
    await create(`/visits/${visit}/${verb}`, "assignment", { workerIds: [workerId] }).catch(() => {});
  }
  line.healed = true;
  const schedule = await api("GET", `/schedule?from=${FROM}&to=${TO}`);
  const truth = Object.fromEntries(schedule.data.map(({ id, attributes }) => [id, { ...attributes, id }]));
  const until = Date.now() + 20_000;
  for (const one of clients) {
    const same = () => { try { assert.deepEqual(Object.fromEntries(one.visits), truth); return true; } catch { return false; } };
    while (!(one.link === "live" && same()) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(Object.fromEntries(one.visits), truth);
    assert.equal(one.link, "live");
  }
  assert.ok(clients.some((one) => one.resumed > 2), "cursors were resumed from");
}
