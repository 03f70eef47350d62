// The map in a real browser: who is where and since when, the way somebody
// went, zones and their radius, crowds from afar, and the code that sets up a
// phone. What is drawn is asked of the map itself, not of pictures.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newAccount, newWindow, signInPage, startBrowser, today, until } from "./kit.mjs";

const HOME = { lat: 47.37, lng: 8.54 };
const complaints = [];
const refused = [];
const updates = [];
let browser, account, ana, client, page, visit;

before(async () => {
  [browser, account] = await Promise.all([startBrowser(), newAccount("map")]);
  client = await account.client();
  ana = await account.worker("Ana");
  visit = await account.job("Boiler service", client, [10, 11]);
  const minutesAgo = (n) => new Date(Date.now() - n * 60_000).toISOString();
  const way = Array.from({ length: 12 }, (_, n) => ({ at: minutesAgo(15 - n), lat: HOME.lat + 0.0015 * n, lng: HOME.lng, accuracyM: 8, speedMps: 3, batteryPct: 64 }));
  // Far off the way two seconds later: nobody went there.
  way.splice(6, 0, { at: minutesAgo(9.97), lat: HOME.lat + 0.008, lng: HOME.lng + 0.004, accuracyM: 8, batteryPct: 64 });
  Object.assign(way.at(-1), { accuracyM: 35, batteryPct: 12, speedMps: 0 });
  await account.report(ana, way);
  page = await newWindow(browser, complaints);
  page.on("response", (answer) => answer.status() >= 400 && refused.push(`${answer.status()} ${answer.url()}`));
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => {
    const frame = JSON.parse(String(payload));
    if (frame.type === "update") updates.push({ ...frame, atMs: Date.now() });
  }));
  await signInPage(page, account.email);
  await until("the map", () => page.evaluate(() => window.muster?.mapReady() ?? false), 30_000);
});
after(async () => browser?.close());

const drawn = (layer) => page.evaluate((one) => window.muster.drawn(one), layer);
const zoom = () => page.evaluate(() => window.muster.zoom());

test("a_map_without_streets_asks_for_nothing_that_is_not_there", () => assert.deepEqual(refused, []));

test("a_mark_says_how_old_and_how_rough_its_position_is", async () => {
  await until("Ana on the map", () => drawn("workers"));
  const [dot] = await page.evaluate(() => window.muster.workersOnMap());
  const at = await page.evaluate((place) => window.muster.pixelOf(place), dot);
  await page.mouse.move(at.x, at.y);
  const tip = await page.waitForSelector(".map .tip");
  assert.match(await tip.textContent(), /Ana Lee.*last fix \d min ago, ± 35 m, battery 12 %/);
});

test("the_way_of_whoever_is_chosen_is_drawn_and_what_nobody_believes_is_told_apart", async () => {
  await page.click(`[data-worker="${ana.id}"]`);
  // The details take half of the map; whoever they are about stays in sight.
  await until("the circle of accuracy", () => drawn("accuracy"));
  await page.locator(".map").getByRole("button", { name: "Zoom out" }).click();
  await until("the way", async () => (await drawn("trail")) && (await drawn("trail-unused")) === 1);
  const words = await page.locator(".trail-part").textContent();
  const track = await account.get(`/workers/${ana.id}/track?from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}`);
  assert.ok(words.includes(`${(track.meta.distanceM / 1000).toFixed(1)} km`), `${words} against ${track.meta.distanceM} m`);
  assert.match(words, /13 points · 1 not used/);
});

test("a_zone_is_drawn_and_its_radius_changed_in_a_form", async () => {
  await page.click(`[data-visit="${visit}"]`);
  await until("the zone", () => drawn("fences"));
  await page.click("[data-fence]");
  await page.fill('[data-dialog="fence"] .radius-number', "250");
  await page.click('[data-dialog="fence"] button[type=submit]');
  await page.waitForSelector("dialog", { state: "detached" });
  const kept = (await account.get(`/clients/${client}?include=properties`)).included.find((one) => one.type === "property");
  assert.deepEqual(kept.attributes.geofence, { type: "circle", radiusM: 250 });
  await page.waitForSelector('[data-fence]:has-text("zone 250 m")');
});

test("from_afar_people_are_counted_and_panning_tells_the_server_no_more_than_it_must", async () => {
  const canvas = await page.locator(".map-box").boundingBox();
  const middle = [canvas.x + canvas.width / 2, canvas.y + canvas.height / 2];
  await page.keyboard.press("Escape");
  await page.mouse.move(...middle);
  updates.length = 0;
  const began = Date.now();
  await page.mouse.down();
  for (let n = 0; n < 60; n += 1) await page.mouse.move(middle[0] + n, middle[1] + n / 2);
  await page.mouse.up();
  await until("the last look", () => updates.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(updates.length <= 3 + (Date.now() - began) / 250, `${updates.length} updates`);
  for (let n = 0; n < 12 && (await zoom()) >= 8; n += 1) {
    await page.mouse.move(...middle);
    await page.mouse.wheel(0, 900);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await until("the crowd", async () => (await drawn("far")) === 1);
  assert.ok(updates.at(-1).zoom < 8 && updates.at(-1).viewport.length === 4);
  // Two layers, two pictures: the one may come a moment before the other.
  await until("nobody who is counted being drawn beside it", async () => (await drawn("workers")) === 0);
});

test("a_phone_gets_its_code_and_loses_it", async () => {
  await page.click(`[data-worker="${ana.id}"]`);
  await page.click("[data-add-phone]");
  await page.click('[data-dialog="phone"] button[type=submit]');
  const seen = new Set();
  for (const app of ["owntracks", "traccar", "overland"]) {
    await page.click(`[data-app="${app}"]`);
    const code = page.locator('[data-dialog="phone"] img.qr');
    await until("the picture", () => code.evaluate((one) => one.complete && one.naturalWidth > 0));
    seen.add(await code.getAttribute("src"));
    assert.match(await page.inputValue('[data-dialog="phone"] .link-row input'), /:\/\//);
  }
  assert.equal(seen.size, 3);
  const row = page.locator("[data-device]");
  assert.equal(await row.count(), 1);
  await row.getByRole("button").click();
  await row.getByRole("button").click();
  await row.waitFor({ state: "detached" });
  assert.deepEqual((await account.get(`/devices?filter[workerId]=${ana.id}`)).data, []);
});

test("nothing_was_logged_as_an_error", () => assert.deepEqual([complaints, refused], [[], []]));
