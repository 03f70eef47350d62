// The console in a real browser against a running server (MUSTER_URL): sign up,
// see a worker move, assign by drag and see it in a second window, override a
// conflict. Everything goes through the page and the public API.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const require = createRequire(new URL("../../static/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const URL_OF_SERVER = (process.env.MUSTER_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
const PICTURES = process.env.MUSTER_E2E_PICTURES ?? join(tmpdir(), "muster-e2e");
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"];
const PASSWORD = "Correct-horse-9!";
const ZONE = "Europe/Zurich";
const run = Date.now().toString(36);
const owner = { company: `Rivergate ${run}`, first: "Ann", last: "Roe", email: `ann-${run}@example.com` };
const bob = { first: "Bob", last: "Lee", email: `bob-${run}@example.com` };

let browser;
let page;
let second;
let token;
let clientId;
const complaints = [];

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.MUSTER_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: "UTC" });
  page = await watched(context, "first");
});
after(async () => browser?.close());

async function watched(context, name) {
  const opened = await context.newPage();
  opened.setDefaultTimeout(20_000);
  opened.on("pageerror", (error) => complaints.push(`${name}: ${error.stack ?? error}`));
  opened.on("console", (message) => {
    // The browser logs every refused request by itself; refusals are part of what is tested.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(`${name}: ${message.text()}`);
  });
  return opened;
}

async function api(method, path, body, as = token) {
  const response = await fetch(`${URL_OF_SERVER}/api/v1${path}`, {
    method,
    headers: { "Content-Type": "application/json", ...(as ? { Authorization: `Bearer ${as}` } : {}), ...(method === "POST" && !path.startsWith("/auth") ? { "Idempotency-Key": crypto.randomUUID() } : {}) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}
const create = (path, type, attributes, as) => api("POST", path, { data: { type, attributes } }, as);
const signIn = async (email) => (await api("POST", "/auth/login", { email, password: PASSWORD }, null)).accessToken;

async function until(what, check, limitMs = 15_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const seen = await check();
    if (seen) return seen;
    assert.ok(Date.now() < end, `${what} did not happen within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** An hour of the day that the console shows, as an instant. */
function today(hour) {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(Date.now());
  const guess = Date.parse(`${date}T${String(hour).padStart(2, "0")}:00:00Z`);
  const seen = Number(new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", hourCycle: "h23" }).format(guess));
  return new Date(guess - (((seen - hour + 36) % 24) - 12) * 3_600_000).toISOString().replace(".000Z", "Z");
}

/** Takes a visit by its start and lets go of it at an hour of somebody's lane. */
async function dragTo(from, workerId, hour) {
  const track = page.locator(`[data-lane="${workerId}"]`);
  const board = page.locator("[data-board]");
  // Brings the hour into sight: what a dispatcher would do with the wheel.
  await board.evaluate((element, at) => { element.scrollLeft = Math.max(0, (at - 2) * parseFloat(getComputedStyle(element).getPropertyValue("--hour"))); }, hour);
  const start = await from.boundingBox();
  const lane = await track.boundingBox();
  const hourPx = await board.evaluate((element) => parseFloat(getComputedStyle(element).getPropertyValue("--hour")));
  await page.mouse.move(start.x + 4, start.y + start.height / 2);
  await page.mouse.down();
  await page.mouse.move(start.x + 40, start.y + start.height / 2 + 10, { steps: 3 });
  await page.mouse.move(lane.x + hour * hourPx + 2, lane.y + lane.height / 2, { steps: 8 });
  await page.waitForSelector(`[data-lane="${workerId}"] .lane-ghost`);
  await page.mouse.up();
}

async function newJob(title, hours) {
  const visits = hours ? [{ startsAt: today(hours[0]), endsAt: today(hours[1]) }] : [{}];
  const answer = await create("/jobs", "job", { title, clientId, visits });
  return answer.included.find((one) => one.type === "visit").id;
}

test("a_company_signs_up_and_every_fault_is_shown_at_its_field", async () => {
  await page.goto(`${URL_OF_SERVER}/#/signup`);
  await page.fill('[name="name"]', owner.company);
  await page.fill('[name="owner/firstName"]', owner.first);
  await page.fill('[name="owner/lastName"]', owner.last);
  await page.fill('[name="owner/email"]', owner.email);
  await page.fill('[name="owner/password"]', "short");
  await page.click('[name="timeZone"]');
  await page.fill('[name="timeZone"]', "Zurich");
  await page.click(`[data-value="${ZONE}"]`);
  await page.selectOption('[name="currency"]', "CHF");
  await page.click("button[type=submit]");
  await page.waitForSelector('[data-field="owner/password"] .field-error');
  assert.equal(await page.inputValue('[name="owner/email"]'), owner.email, "nothing typed is lost");
  await page.fill('[name="owner/password"]', PASSWORD);
  await page.click("button[type=submit]");
  await page.waitForSelector('[data-loaded="true"][data-link="live"]');
  assert.equal(await page.textContent(".brand-name"), owner.company);
});

test("clients_and_workers_are_made_in_the_console", async () => {
  token = await signIn(owner.email);
  await page.click(".new");
  await page.click('[role=menuitem]:has-text("New client")');
  await page.fill('[name="companyName"]', "Hotel Krone");
  await page.fill('[name="properties/0/address/street"]', "Seestrasse 7");
  await page.fill('[name="properties/0/address/city"]', "Zürich");
  await page.getByLabel("Latitude").fill("47.3701");
  await page.getByLabel("Longitude").fill("8.5402");
  await page.getByLabel("Longitude").blur();
  await page.click('[data-dialog="client"] button[type=submit]');
  await page.waitForSelector('[data-dialog="client"]', { state: "detached" });
  clientId = (await api("GET", "/clients")).data.find((one) => one.attributes.displayName === "Hotel Krone").id;

  await page.click(".new");
  await page.click('[role=menuitem]:has-text("New worker")');
  await page.fill('[name="firstName"]', bob.first);
  await page.fill('[name="lastName"]', bob.last);
  await page.fill('[name="email"]', bob.email);
  await page.fill('[name="password"]', PASSWORD);
  await page.fill('[name="skills"]', "gas, heating");
  // Without working hours every hour is one: the test must pass at night.
  for (const box of await page.locator('.week input[type="checkbox"]').all()) if (await box.isChecked()) await box.uncheck();
  await page.click('[data-dialog="worker"] button[type=submit]');
  await page.waitForSelector('[data-dialog="worker"]', { state: "detached" });
  bob.id = (await api("GET", "/workers")).data.find((one) => one.attributes.email === bob.email || one.attributes.firstName === bob.first).id;
  await page.waitForSelector(`[data-lane="${bob.id}"]`);
});

test("a_moving_worker_moves_on_the_map", async () => {
  const asBob = await signIn(bob.email);
  const report = (lat, lng) => create("/positions", "positionBatch",
    { points: [{ id: crypto.randomUUID(), at: new Date().toISOString(), lat, lng, accuracyM: 9, speedMps: 8, headingDeg: 90, batteryPct: 81 }] }, asBob);
  const seen = () => page.evaluate((id) => window.muster.workersOnMap().find((one) => one.id === id) ?? null, bob.id);
  await report(47.37, 8.54);
  await until("the dot appearing", async () => Math.abs(((await seen())?.lat ?? 0) - 47.37) < 1e-4);
  // The map looks at the whole world until something is on it; then the dot may be framed.
  await page.getByRole("button", { name: "Show everything" }).click();
  for (let step = 1; step <= 3; step += 1) {
    // As far as a van gets in a second: what nobody can have driven would not be believed.
    await report(47.37 + step * 0.0004, 8.54 + step * 0.0004);
    await until(`step ${step} on the map`, async () => Math.abs(((await seen())?.lat ?? 0) - (47.37 + step * 0.0004)) < 1e-4);
  }
  await page.waitForSelector(`[data-worker="${bob.id}"] [data-presence="online"]`);
  await page.screenshot({ path: join(PICTURES, "moving.png") });
});

test("what_one_window_assigns_by_drag_the_other_sees", async () => {
  second = await watched(page.context(), "second");
  await second.goto(URL_OF_SERVER);
  await second.waitForSelector('[data-loaded="true"][data-link="live"]');
  const visit = await newJob("Boiler service", [9, 10]);
  const item = page.locator(`.item[data-visit="${visit}"]`);
  await item.waitFor();
  await second.waitForSelector(`.item[data-visit="${visit}"]`);
  await dragTo(item, bob.id, 13);
  await page.waitForSelector(`[data-lane="${bob.id}"] .card[data-visit="${visit}"][data-status="scheduled"]`);
  await second.waitForSelector(`[data-lane="${bob.id}"] .card[data-visit="${visit}"][data-status="scheduled"]`);
  const held = (await api("GET", `/visits/${visit}`)).data.attributes;
  assert.deepEqual([Date.parse(held.startsAt), held.workerIds], [Date.parse(today(13)), [bob.id]]);

  // Along the lane, and undone with the keyboard.
  await dragTo(page.locator(`.card[data-visit="${visit}"]`), bob.id, 15);
  await until("the move", async () => Date.parse((await api("GET", `/visits/${visit}`)).data.attributes.startsAt) !== Date.parse(today(13)));
  await page.keyboard.press("Control+z");
  await until("the undoing", async () => Date.parse((await api("GET", `/visits/${visit}`)).data.attributes.startsAt) === Date.parse(today(13)));
});

test("a_conflict_names_its_reason_and_may_be_overridden_with_one", async () => {
  const visit = await newJob("Burst pipe", null);
  await page.click('[role=tab]:has-text("No time")');
  const item = page.locator(`.item[data-visit="${visit}"]`);
  await item.waitFor();
  await dragTo(item, bob.id, 13);
  await page.waitForSelector('[data-dialog="conflict"]');
  assert.match(await page.textContent('[data-dialog="conflict"] .reasons'), /Bob Lee already has .*Boiler service.*13:00.14:00/);
  await page.screenshot({ path: join(PICTURES, "conflict.png") });
  await page.click('[data-dialog="conflict"] button[type=submit]');
  await page.waitForSelector('[data-field="force"] .field-error');
  await page.fill('[name="force"]', "Water is running");
  await page.click('[data-dialog="conflict"] button[type=submit]');
  await page.waitForSelector(`[data-lane="${bob.id}"] .card[data-visit="${visit}"]`);
  await second.waitForSelector(`[data-lane="${bob.id}"] .card[data-visit="${visit}"]`);
  assert.equal((await api("GET", `/visits/${visit}`)).data.attributes.overlapAllowed, true);
});

test("work_progresses_from_the_details_and_by_keyboard", async () => {
  const visit = await newJob("Radiator cold", [17, 18]);
  await page.click('[role=tab]:has-text("Unassigned")');
  await page.click(`.item[data-visit="${visit}"]`);
  await page.keyboard.press("a");
  await page.check(`[data-dialog="assign"] input[value="${bob.id}"]`);
  await page.click('[data-dialog="assign"] button[type=submit]');
  await page.waitForSelector(`.card[data-visit="${visit}"][data-status="scheduled"]`);
  for (const [step, status] of [["start-travel", "traveling"], ["arrive", "onSite"], ["start", "inProgress"], ["complete", "completed"]]) {
    await page.click(`.inspector [data-step="${step}"]`);
    await second.waitForSelector(`.card[data-visit="${visit}"][data-status="${status}"]`);
  }
  await page.keyboard.press("?");
  await page.waitForSelector('[data-dialog="keys"]');
  await page.keyboard.press("Escape");
  await page.waitForSelector('[data-dialog="keys"]', { state: "detached" });
});

test("it_is_usable_in_the_dark_and_on_a_phone", async () => {
  await page.getByRole("button", { name: "Dark theme" }).click();
  await page.screenshot({ path: join(PICTURES, "dark.png") });
  await second.setViewportSize({ width: 390, height: 844 });
  await second.click('.panel-tabs button:has-text("Map")');
  await second.waitForSelector(".map canvas");
  await second.screenshot({ path: join(PICTURES, "phone.png") });
  const wide = await second.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `the page is ${wide} px wide`);
});

test("signing_out_ends_the_session_in_every_window", async () => {
  await page.click(".me");
  await page.click('[role=menuitem]:has-text("Sign out")');
  await page.waitForSelector('input[name="password"]');
  await second.waitForSelector('input[name="password"]');
});

test("nothing_was_logged_as_an_error_and_no_policy_was_violated", () => {
  assert.deepEqual(complaints, []);
});
