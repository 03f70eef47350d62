// The floor without a mouse, by two dispatchers at once, and as a worker sees
// it: real windows, a real server, nothing through private doors.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clean, newAccount, newWindow, signInPage, startBrowser, today, until } from "./kit.mjs";

let browser, account, ana, ben, eva, page, other, client, first, second;
const complaints = [];
const asked = [];

before(async () => {
  [browser, account] = await Promise.all([startBrowser(), newAccount("keyboard")]);
  client = await account.client();
  [ana, ben, eva] = [await account.worker("Ana"), await account.worker("Ben"), await account.worker("Eva")];
  first = await account.job("Boiler service", client, [10, 11], [ana.id]);
  second = await account.job("Gas leak", client, [13, 14], [ana.id]);
  page = await newWindow(browser, complaints);
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await signInPage(page, account.email);
  other = await newWindow(browser, complaints);
  await signInPage(other, await account.dispatcher("Nora"));
});
after(async () => browser?.close());

const focused = (on = page) => on.evaluate(() => ({ worker: document.activeElement?.dataset.stop ?? null, visit: document.activeElement?.dataset.visit ?? null }));
const said = () => page.textContent("[data-announcer]");
const startOf = async (id) => Date.parse((await account.visit(id)).startsAt);
const workersOf = async (id) => (await account.visit(id)).workerIds;
const focusVisit = (lane, id) => page.focus(`[data-lane="${lane}"] [data-visit="${id}"]`);

test("arrows_walk_lanes_and_visits_and_enter_opens_the_details", async () => {
  await page.keyboard.press("b");
  assert.deepEqual(await focused(), { worker: ana.id, visit: null });
  await page.keyboard.press("ArrowRight");
  assert.deepEqual(await focused(), { worker: ana.id, visit: first });
  await page.keyboard.press("ArrowRight");
  assert.deepEqual(await focused(), { worker: ana.id, visit: second });
  await page.keyboard.press("j");
  assert.deepEqual(await focused(), { worker: ben.id, visit: null });
  await page.keyboard.press("k");
  assert.deepEqual(await focused(), { worker: ana.id, visit: second }, "a lane without visits does not lose the time of the day");
  assert.equal(await page.locator(".lanes [tabindex='0']").count(), 1, "the board is one stop of the Tab key");
  assert.equal(await page.locator(".inspector").count(), 0);
  await page.keyboard.press("Enter");
  assert.match(await page.textContent(".inspector h2"), /Gas leak/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".inspector").count(), 0);
  assert.deepEqual(await focused(), { worker: ana.id, visit: second });
});

test("alt_and_arrows_move_a_visit_in_time_and_to_another_lane_and_ctrl_z_takes_both_back", async () => {
  await focusVisit(ana.id, first);
  await page.keyboard.down("Alt");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.waitForSelector(`[data-lane="${ana.id}"] .lane-ghost`);
  await until("the verdict read aloud", async () => /10:30.11:30, Ana Lee: It fits/.test(await said()));
  assert.equal(await startOf(first), Date.parse(today(10)), "nothing is changed while Alt is held");
  await page.keyboard.up("Alt");
  await until("the move in time", async () => (await startOf(first)) === Date.parse(today(10.5)));

  await page.keyboard.press("Alt+ArrowDown");
  await until("the move to the lane below", async () => (await workersOf(first)).join() === ben.id);
  await page.waitForSelector(`[data-lane="${ben.id}"] [data-visit="${first}"]`);
  assert.deepEqual(await focused(), { worker: ben.id, visit: first }, "the focus went along");
  await other.waitForSelector(`[data-lane="${ben.id}"] [data-visit="${first}"]`);

  await page.keyboard.press("Control+z");
  await until("the first undoing", async () => (await workersOf(first)).join() === ana.id);
  await page.keyboard.press("Control+z");
  await until("the second undoing", async () => (await startOf(first)) === Date.parse(today(10)));
  await page.keyboard.press("Control+z");
  await until("the end of what can be undone", async () => /nothing to undo/.test(await said()));
});

test("escape_while_moving_leaves_everything_as_it_was", async () => {
  await focusVisit(ana.id, first);
  await page.keyboard.down("Alt");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Escape");
  await page.keyboard.up("Alt");
  assert.equal(await page.locator(".lane-ghost").count(), 0);
  assert.equal(await startOf(first), Date.parse(today(10)));
});

test("the_move_dialog_tells_the_verdict_before_it_is_sent", async () => {
  await focusVisit(ana.id, first);
  await page.keyboard.press("m");
  await page.fill('[data-dialog="move"] [name="time"]', "13:30");
  await page.waitForSelector('[data-verdict="clash"]');
  assert.match(await page.textContent('[data-verdict="clash"]'), /Ana Lee already has .*Gas leak/);
  await page.fill('[data-dialog="move"] [name="time"]', "15:00");
  await page.waitForSelector('[data-verdict="fits"]');
  await page.keyboard.press("Enter");
  await until("the move", async () => (await startOf(first)) === Date.parse(today(15)));
  await page.waitForSelector('[data-dialog="move"]', { state: "detached" });
  assert.deepEqual(await focused(), { worker: ana.id, visit: first }, "the focus is where it was");
});

test("a_assigns_and_u_unassigns", async () => {
  const visit = await account.job("Dripping tap", client, [16, 17]);
  await page.waitForSelector(`.item[data-visit="${visit}"]`);
  await page.keyboard.press("q");
  assert.equal((await focused()).visit, visit);
  await page.keyboard.press("a");
  await page.waitForSelector('[data-dialog="assign"]');
  await page.keyboard.type("Eva");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.waitForSelector('[data-dialog="assign"] [data-verdict="fits"]');
  await page.keyboard.press("Enter");
  await until("the assignment", async () => (await workersOf(visit)).join() === eva.id);
  await page.waitForSelector(`[data-lane="${eva.id}"] [data-visit="${visit}"]`);
  await focusVisit(eva.id, visit);
  await page.keyboard.press("u");
  await until("the unassignment", async () => (await workersOf(visit)).length === 0);
  await page.waitForSelector(`.item[data-visit="${visit}"]`);
  assert.deepEqual(await focused(), { worker: eva.id, visit: null }, "the focus stays on the lane that the visit left");
});

test("the_focus_outlives_what_others_do_and_only_the_lane_that_changed_is_drawn", async () => {
  await focusVisit(ana.id, second);
  await page.evaluate(() => {
    window.drawn = new Set();
    new MutationObserver((list) => {
      for (const one of list) window.drawn.add((one.target.closest?.(".lane") ?? one.target.parentElement?.closest(".lane"))?.querySelector("[data-lane]")?.dataset.lane ?? "the grid");
    }).observe(document.querySelector(".lanes"), { childList: true, subtree: true, characterData: true });
  });
  const visit = await account.job("Socket is dead", client, [9, 10], [ben.id]);
  await page.waitForSelector(`[data-lane="${ben.id}"] [data-visit="${visit}"]`);
  assert.deepEqual(await focused(), { worker: ana.id, visit: second });
  assert.deepEqual(await page.evaluate(() => [...window.drawn]), [ben.id]);

  // The very visit that has the focus is taken to another lane by somebody else.
  await other.focus(`[data-lane="${ana.id}"] [data-visit="${second}"]`);
  await other.keyboard.press("Alt+ArrowDown");
  await page.waitForSelector(`[data-lane="${ben.id}"] [data-visit="${second}"]`);
  await until("the focus following", async () => JSON.stringify(await focused()) === JSON.stringify({ worker: ben.id, visit: second }));
  assert.match(await said(), /Nora Frei, Gas leak/, "who did it is read aloud");
});

test("what_is_in_somebodys_hand_says_so_to_the_others", async () => {
  const card = `.card[data-visit="${second}"]`;
  await other.focus(card);
  await other.keyboard.press("m");
  await page.waitForSelector(`${card} [data-held]`);
  assert.match(await page.textContent(`${card} [data-held]`), /Nora Frei is moving this/);
  assert.match(await page.getAttribute(card, "aria-label"), /Nora Frei is moving this/);
  assert.equal(await other.locator(`${card} [data-held]`).count(), 0, "one's own hand is no news");
  await other.keyboard.press("Escape");
  await page.waitForSelector(`${card} [data-held]`, { state: "detached" });
});

test("an_arrival_that_a_fence_noticed_is_confirmed_with_one_tap_or_put_aside", async () => {
  const around = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();
  const answer = await account.create("/jobs", "job", { title: "Panic bar", clientId: client, visits: [{ startsAt: around(-10), endsAt: around(50) }] });
  const visit = answer.included.find((one) => one.type === "visit").id;
  await account.create(`/visits/${visit}/assign`, "assignment", { workerIds: [eva.id] });
  // Up to the door at 10 m/s, and a minute there.
  const points = Array.from({ length: 12 }, (_, n) => ({
    id: crypto.randomUUID(), at: new Date(Date.now() - 150_000 + n * 10_000).toISOString(), accuracyM: 6,
    lat: 47.37, lng: 8.54 + Math.max(0, 650 - 100 * n) / 111_195 / Math.cos((47.37 * Math.PI) / 180),
  }));
  await account.report(eva, points);
  await page.waitForSelector(".tray .popover-button");
  await page.click(".tray .popover-button");
  assert.match(await page.textContent(`.popover [data-arrival="${visit}"]`), /Eva Lee seems to have arrived at \d\d:\d\d/);
  await clean(page, "the tray of arrivals");
  await page.click(`.popover [data-arrival="${visit}"] [data-accept]`);
  await until("the arrival", async () => (await account.visit(visit)).status === "onSite");
  await page.waitForSelector(".tray", { state: "detached" });
});

test("a_worker_sees_his_own_day_and_reports_his_steps", async () => {
  const phone = await newWindow(browser, complaints, { width: 390, height: 844 });
  await signInPage(phone, ana.email);
  await phone.waitForSelector(`.my-visit[data-visit="${first}"]`);
  assert.equal(await phone.locator(`.my-visit[data-visit="${second}"]`).count(), 0, "another's visit is not his to see");
  assert.equal(await phone.locator("[data-board]").count(), 0);
  await phone.click(`.my-visit[data-visit="${first}"] [data-step="start-travel"]`);
  await phone.waitForSelector(`.my-visit[data-visit="${first}"][data-status="traveling"]`);
  await page.waitForSelector(`.card[data-visit="${first}"][data-status="traveling"]`);
  assert.equal(await phone.locator('[data-step="cancel"]').count(), 0, "cancelling is the office's");
  await phone.click("[data-available]");
  await phone.waitForSelector('[data-available][aria-checked="false"]');
  assert.equal((await account.get(`/workers/${ana.id}`)).data.attributes.available, false);
  await page.waitForSelector(`[data-worker="${ana.id}"] .lane-state:has-text("Not available")`);
  await page.click(`[data-worker="${ana.id}"]`);
  await page.click(".inspector [data-available]");
  await page.waitForSelector('.inspector [data-available][aria-checked="true"]');
  await phone.click("[data-sharing]");
  await until("the withdrawal of consent", async () => !(await account.get(`/workers/${ana.id}`)).data.attributes.trackingConsent);
  assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth) <= 390);
  await phone.context().close();
});

test("without_a_connection_the_floor_is_only_to_be_read_and_says_so", async () => {
  await page.context().setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await page.waitForSelector('[data-link="offline"] .banner', { timeout: 20_000 });
  assert.equal(await page.locator(".card.movable").count(), 0);
  await page.context().setOffline(false);
  await page.waitForSelector('.console[data-link="live"]', { timeout: 30_000 });
  assert.equal(await page.locator(".banner").count(), 0);
  assert.ok(await page.locator(".card.movable").count() > 0);
});

test("letters_can_be_turned_off", async () => {
  await page.keyboard.press("?");
  await page.uncheck('[name="singleKeys"]');
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  assert.equal(await page.locator("dialog").count(), 0);
  await page.keyboard.press("?");
  await page.check('[name="singleKeys"]');
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.waitForSelector('[data-dialog="job"]');
  await page.keyboard.press("Escape");
});

test("the_controls_of_a_demonstration_are_nowhere_else", async () => {
  assert.equal(await page.locator(".demo-bar").count(), 0);
  assert.ok(asked.includes("/health"), "it was looked for");
  assert.ok(!asked.includes("/api/v1/demo"), "and not asked for where it would be refused");
});

test("nothing_was_logged_as_an_error", () => assert.deepEqual(complaints, []));
