// The bar on top: the day, search, the counts that matter, the connection,
// what can be made new, and me.
import { createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { signOut } from "../api/http";
import { m } from "../messages";
import { setQueueTab } from "../board/Queue";
import { open, type Opened } from "../state/dialogs";
import { browserZone, derived, floor, link, now, zone } from "../state/floor";
import { theme, setPanel, toggleTheme } from "../state/preferences";
import { choose } from "../state/selection";
import { addDays, clock, longDate } from "../time";
import { Icon, type IconName } from "../ui/Icon";
import { Mark } from "./Mark";
import { goTo } from "./route";
import { Search } from "./Search";

export function goToDay(date: string): void {
  goTo(date === derived.today() ? "" : `day/${date}`);
}

const cityOf = (name: string) => name.split("/").at(-1)!.replaceAll("_", " ");

export function Header(): JSX.Element {
  const step = (days: number) => goToDay(addDays(derived.date(), days));
  const zoneDiffers = () => floor.account !== null && clock(now(), zone()) !== clock(now(), browserZone);
  const showQueue = (which: "unassigned" | "late") => {
    setQueueTab(which);
    setPanel("queue");
  };
  const showOffline = () => {
    const first = derived.offline()[0];
    if (first) choose({ kind: "worker", id: first.id }, "search");
  };
  return (
    <header class="top">
      <div class="brand" title={floor.account?.name}><Mark size={26} /><span class="brand-name">{floor.account?.name ?? m.product}</span></div>
      <div class="dates" role="group" aria-label={m.header.pickDate}>
        <button type="button" class="ghost square" aria-label={m.header.previousDay} onClick={() => step(-1)}><Icon name="left" /></button>
        <label class="date-label" title={m.header.zone(zone())}>
          <span>{longDate(derived.date())}</span>
          <Show when={zoneDiffers()}><small>{m.header.zoneShort(cityOf(zone()))}</small></Show>
          <input type="date" aria-label={m.header.pickDate} value={derived.date()} onClick={(event) => { try { event.currentTarget.showPicker(); } catch { /* it opens by itself there */ } }}
            onChange={(event) => event.currentTarget.value && goToDay(event.currentTarget.value)} />
        </label>
        <button type="button" class="ghost square" aria-label={m.header.nextDay} onClick={() => step(1)}><Icon name="right" /></button>
        <button type="button" class="quiet today" disabled={derived.date() === derived.today()} onClick={() => goToDay(derived.today())}>{m.header.today}</button>
      </div>
      <Search />
      <div class="counts">
        <Count n={derived.unassigned().length} label={m.header.unassigned} hint={m.header.unassignedHint} tone="warn" onClick={() => showQueue("unassigned")} name="unassigned" />
        <Count n={derived.late().length} label={m.header.late} hint={m.header.lateHint} tone="bad" onClick={() => showQueue("late")} name="late" />
        <Count n={derived.offline().length} label={m.header.offline} hint={m.header.offlineHint} tone="dim" onClick={showOffline} name="offline" />
      </div>
      <span class="pill" role="status" data-link={link()} title={m.header.linkHint[link()]}>
        <i aria-hidden="true" /><span>{m.header.link[link()]}</span>
      </span>
      <NewMenu />
      <button type="button" class="ghost square" aria-label={theme() === "dark" ? m.header.toLight : m.header.toDark}
        title={theme() === "dark" ? m.header.toLight : m.header.toDark} onClick={toggleTheme}><Icon name={theme() === "dark" ? "sun" : "moon"} /></button>
      <MeMenu />
    </header>
  );
}

function Count(props: { n: number; label: string; hint: string; tone: string; name: string; onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="count-button" data-tone={props.n > 0 ? props.tone : "none"} data-count={props.name} title={props.hint} onClick={() => props.onClick()}>
      <b>{props.n}</b><span>{props.label}</span>
    </button>
  );
}

/** A button with a list under it; closes by choosing, Escape or clicking elsewhere. */
function Menu(props: { label: string; button: JSX.Element; class: string; children: (close: () => void) => JSX.Element }): JSX.Element {
  const [shown, setShown] = createSignal(false);
  let box!: HTMLDivElement;
  const outside = (event: Event) => !box.contains(event.target as Node) && setShown(false);
  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !shown()) return;
    event.stopPropagation();
    setShown(false);
    box.querySelector("button")?.focus();
  };
  onMount(() => document.addEventListener("pointerdown", outside));
  onCleanup(() => document.removeEventListener("pointerdown", outside));
  const walk = (event: KeyboardEvent) => {
    escape(event);
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    event.stopPropagation();
    const items = [...box.querySelectorAll<HTMLElement>("[role=menuitem]")];
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]?.focus();
  };
  return (
    <div class="menu" ref={box} onKeyDown={walk}>
      <button type="button" class={props.class} aria-haspopup="menu" aria-expanded={shown()} aria-label={props.label} onClick={() => setShown(!shown())}>{props.button}</button>
      <Show when={shown()}><div class="menu-list" role="menu">{props.children(() => setShown(false))}</div></Show>
    </div>
  );
}

function NewMenu(): JSX.Element {
  const items: [string, IconName, Opened["name"] & ("job" | "client" | "worker" | "timeOff")][] = [
    [m.header.newJob, "briefcase", "job"], [m.header.newClient, "building", "client"],
    [m.header.newWorker, "userPlus", "worker"], [m.header.newTimeOff, "sunbed", "timeOff"],
  ];
  return (
    <Menu label={m.header.create} class="primary new" button={<><Icon name="plus" /><span>{m.header.create}</span></>}>{(close) => (
      <For each={items}>{([label, icon, name]) => (
        <button type="button" role="menuitem" onClick={() => { close(); open({ name }); }}><Icon name={icon} />{label}</button>
      )}</For>
    )}</Menu>
  );
}

function MeMenu(): JSX.Element {
  const letters = () => ((floor.me?.firstName?.[0] ?? "") + (floor.me?.lastName?.[0] ?? "")).toUpperCase() || "·";
  return (
    <Menu label={m.header.me} class="me" button={<span class="avatar">{letters()}</span>}>{(close) => (
      <>
        <div class="menu-about">
          <strong>{floor.me?.firstName} {floor.me?.lastName}</strong>
          <span>{floor.me?.email}</span><span>{floor.account?.name} · {m.header.zone(zone())}</span>
        </div>
        <button type="button" role="menuitem" onClick={() => { close(); open({ name: "keys" }); }}><Icon name="keyboard" />{m.header.shortcuts}</button>
        <button type="button" role="menuitem" onClick={() => void signOut()}><Icon name="out" />{m.sign.out}</button>
      </>
    )}</Menu>
  );
}
