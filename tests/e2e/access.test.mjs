// Every screen under axe's rules of WCAG 2.2 A and AA: the sign-in, the floor
// light and dark, wide and on a phone, the details, each dialog, a worker's
// day. What axe cannot judge (focus, order, words) is in keyboard.test.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clean, newAccount, newWindow, SERVER, signInPage, startBrowser, today } from "./kit.mjs";

let browser, account, ana, client, page, visit;
const complaints = [];

before(async () => {
  [browser, account] = await Promise.all([startBrowser(), newAccount("access")]);
  client = await account.client();
  ana = await account.worker("Ana", { skills: ["gas"], workingHours: [{ weekday: "mon", start: "08:00", end: "17:00" }] });
  await account.worker("Ben", { phone: "+41441112233" });
  visit = await account.job("Boiler service", client, [10, 11]);
  await account.create(`/visits/${visit}/assign`, "assignment", { workerIds: [ana.id], force: { reason: "A test at any hour" } });
  await account.job("Gas leak", client, [12, 13]);
  await account.job("Someday", client, null);
  await account.create(`/workers/${ana.id}/time-off`, "timeOff", { startsAt: today(14), endsAt: today(15), reason: "Dentist" });
});
after(async () => browser?.close());

test("signing_in_and_up_are_clean", async () => {
  page = await newWindow(browser, complaints);
  await page.goto(SERVER);
  await page.waitForSelector('input[name="password"]');
  await clean(page, "sign-in");
  await page.click("button[type=submit]");
  await page.waitForSelector(".field-error");
  await clean(page, "sign-in with faults");
  await page.goto(`${SERVER}/#/signup`);
  await page.waitForSelector('[name="owner/email"]');
  await clean(page, "sign-up");
  await page.goto(`${SERVER}/#/`);
});

test("the_floor_and_its_details_are_clean_in_the_light_and_in_the_dark", async () => {
  await signInPage(page, account.email);
  await page.waitForSelector(`[data-visit="${visit}"]`);
  for (const shade of ["light", "dark"]) {
    await clean(page, `board, ${shade}`);
    await page.click(`[data-lane="${ana.id}"] [data-visit="${visit}"]`);
    await page.waitForSelector(".inspector h2");
    await clean(page, `visit, ${shade}`);
    await page.click(`[data-worker="${ana.id}"]`);
    await page.waitForSelector(".inspector .avatar");
    await clean(page, `worker, ${shade}`);
    await page.keyboard.press("Escape");
    for (const tab of ["unscheduled", "late", "done"]) {
      await page.click(`#queue-${tab}`);
      await clean(page, `queue ${tab}, ${shade}`);
    }
    await page.click('[data-count="offline"]');
    await clean(page, `filtered, ${shade}`);
    await page.click('[data-count="offline"]');
    await page.click(".me");
    await clean(page, `menu, ${shade}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: shade === "light" ? "Dark theme" : "Light theme" }).click();
  }
});

test("every_dialog_is_clean", async () => {
  const selected = `[data-lane="${ana.id}"] [data-visit="${visit}"]`;
  const dialogs = {
    keys: () => page.keyboard.press("?"), job: () => page.keyboard.press("n"),
    assign: async () => { await page.focus(selected); await page.keyboard.press("a"); },
    move: async () => { await page.focus(selected); await page.keyboard.press("m"); },
    client: () => fromMenu("New client"), worker: () => fromMenu("New worker"), timeOff: () => fromMenu("Time off"),
    phone: async () => { await page.click(`[data-worker="${ana.id}"]`); await page.click("[data-add-phone]"); },
    fence: async () => { await page.click(selected); await page.click("[data-fence]"); },
    reason: async () => { await page.click(selected); await page.click('.inspector [data-step="cancel"]'); },
  };
  for (const [name, open] of Object.entries(dialogs)) {
    await open();
    await page.waitForSelector(`[data-dialog="${name}"]`);
    if (name === "move") {
      await page.fill('[data-dialog="move"] [name="time"]', "14:15");
      await page.waitForSelector('[data-verdict="clash"]');
    }
    await clean(page, name);
    if (name === "phone") {
      await page.click('[data-dialog="phone"] button[type=submit]');
      await page.waitForSelector('[data-dialog="phone"] img.qr');
      await clean(page, "phone with its codes");
    }
    if (name === "move") {
      await page.click('[data-dialog="move"] button[type=submit]');
      await page.waitForSelector('[data-dialog="conflict"]');
      await clean(page, "conflict");
    }
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
  }
});

async function fromMenu(what) {
  await page.click(".new");
  await page.click(`[role=menuitem]:has-text("${what}")`);
}

test("a_phone_is_clean_and_a_workers_day_too", async () => {
  await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 390, height: 844 });
  for (const panel of ["Queue", "Board", "Map"]) {
    await page.click(`.panel-tabs button:has-text("${panel}")`);
    await clean(page, `phone ${panel}`);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 390, panel);
  }
  const cy = await account.worker("Cy", { role: "limitedWorker" });
  for (const [who, dark, shows] of [[ana, false, ".my-visit"], [ana, true, ".my-visit"], [cy, true, ".my-day .note"]]) {
    const phone = await newWindow(browser, complaints, { width: 390, height: 844, dark });
    await signInPage(phone, who.email);
    await phone.waitForSelector(shows);
    await clean(phone, `${who.name}'s day, ${dark ? "dark" : "light"}`);
    await phone.context().close();
  }
});

test("nothing_was_logged_as_an_error", () => assert.deepEqual(complaints, []));
