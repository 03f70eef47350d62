// What the browser tests share: an account of their own on the server at
// MUSTER_URL, windows of a real browser that report what goes wrong in them,
// and the people who sign in. Of the product it asserts one thing: that axe
// finds no fault with a screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../static/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

export const SERVER = (process.env.MUSTER_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");
export const PASSWORD = "Correct-horse-9!";
export const ZONE = "Europe/Zurich";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"];

export const startBrowser = () => chromium.launch({ executablePath: process.env.MUSTER_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** A window of its own, with its own sign-in; faults go to `complaints`. */
export async function newWindow(browser, complaints, { width = 1440, height = 900, dark = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, timezoneId: "UTC", colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    // The browser logs every refused request by itself; refusals are part of what is tested.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return page;
}

export async function signInPage(page, email) {
  await page.goto(SERVER);
  await page.fill('[name="email"]', email);
  await page.fill('[name="password"]', PASSWORD);
  await page.click("button[type=submit]");
  await page.waitForSelector('[data-loaded="true"][data-link="live"]');
}

export async function api(as, method, path, body) {
  const response = await fetch(`${SERVER}/api/v1${path}`, {
    method,
    headers: { "Content-Type": "application/json", ...(as ? { Authorization: `Bearer ${as}` } : {}), ...(method === "GET" || path.startsWith("/auth") ? {} : { "Idempotency-Key": crypto.randomUUID() }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** An account with an owner; everything else is made through what it returns. */
export async function newAccount(name) {
  const email = `${name}-${Date.now().toString(36)}${Math.floor(Math.random() * 1e6)}@example.com`;
  await api(null, "POST", "/accounts", { data: { type: "account", attributes: { name, timeZone: ZONE, currency: "CHF", owner: { firstName: "Ann", lastName: "Roe", email, password: PASSWORD } } } });
  const token = (await api(null, "POST", "/auth/login", { email, password: PASSWORD })).accessToken;
  const create = async (path, type, attributes) => (await api(token, "POST", path, { data: { type, attributes } }));
  return {
    email, token,
    get: (path) => api(token, "GET", path),
    visit: async (id) => (await api(token, "GET", `/visits/${id}`)).data.attributes,
    create,
    async dispatcher(firstName) {
      const mail = `${firstName.toLowerCase()}-${email}`;
      await create("/users", "user", { firstName, lastName: "Frei", email: mail, password: PASSWORD, role: "dispatcher" });
      return mail;
    },
    async worker(firstName, more = {}) {
      const mail = `${firstName.toLowerCase()}-${email}`;
      const answer = await create("/workers", "worker", { firstName, lastName: "Lee", email: mail, password: PASSWORD, timeZone: ZONE, ...more });
      return { id: answer.data.id, email: mail, name: `${firstName} Lee` };
    },
    async report(worker, points) {
      const as = (await api(null, "POST", "/auth/login", { email: worker.email, password: PASSWORD })).accessToken;
      await api(as, "POST", "/positions", { data: { type: "positionBatch", attributes: { points } } });
    },
    async client() {
      return (await create("/clients", "client", { companyName: "Hotel Krone", phone: "+41441234567",
        properties: [{ name: "Main", address: { street: "Seestrasse 7", city: "Zürich", country: "CH" }, location: { lat: 47.37, lng: 8.54 } }] })).data.id;
    },
    async job(title, clientId, hours, workerIds = []) {
      const visits = hours ? [{ startsAt: today(hours[0]), endsAt: today(hours[1]) }] : [{}];
      const answer = await create("/jobs", "job", { title, clientId, visits });
      const id = answer.included.find((one) => one.type === "visit").id;
      if (workerIds.length) await create(`/visits/${id}/assign`, "assignment", { workerIds });
      return id;
    },
  };
}

/** An hour of the account's today, as an instant. */
export function today(hour) {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(Date.now());
  const whole = Math.floor(hour);
  const guess = Date.parse(`${date}T${String(whole).padStart(2, "0")}:00:00Z`);
  const seen = Number(new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", hourCycle: "h23" }).format(guess));
  return new Date(guess - (((seen - whole + 36) % 24) - 12) * 3_600_000 + (hour - whole) * 3_600_000).toISOString().replace(".000Z", "Z");
}

export async function until(what, check, limitMs = 10_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const seen = await check();
    if (seen) return seen;
    assert.ok(Date.now() < end, `${what} did not happen within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** No violation on what is shown now; says what, where and why otherwise. */
export async function clean(on, screen) {
  await on.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
  // The page's policy forbids foreign scripts, so axe is not added as one.
  if (!(await on.evaluate(() => "axe" in window))) await on.evaluate(axe);
  const found = await on.evaluate(async (tags) => {
    const answer = await window.axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    return answer.violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? node.all[0]?.message ?? node.none[0]?.message ?? ""})`).slice(0, 4).join(" | ")}`);
  }, RULES);
  assert.deepEqual(found, [], screen);
}
