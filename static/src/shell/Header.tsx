// The bar on top: the day, search, the counts that matter, the connection,
// what can be made new, and me.
import { createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { signOut } from "../api/http";
import { m } from "../messages";
import { open, type Opened } from "../state/dialogs";
import { browserZone, derived, floor, link, now, zone } from "../state/floor";
import { theme, setPanel, toggleTheme } from "../state/preferences";
import { focusQueue, setQueueTab } from "../board/Queue";
import { laneFilter, toggleLaneFilter } from "../board/lanes";
import { inField, mayDispatch, mayEditTeam } from "../state/may";
import { addDays, clock, longDate } from "../time";
import { Icon, type IconName } from "../ui/Icon";
import { ArrivalsTray } from "./Arrivals";
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
  const showUnassigned = () => {
    setQueueTab("unassigned");
    setPanel("queue");
    focusQueue();
  };
  const showLate = () => {
    toggleLaneFilter("late");
    if (laneFilter() === "late") setQueueTab("late");
  };
  const late = () => derived.late().length;
  const risk = () => derived.atRisk().length;
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
        <Count n={derived.unassigned().length} label={m.header.unassigned} hint={m.header.unassignedHint} tone="warn" onClick={showUnassigned} name="unassigned" />
        <Count n={late() + risk()} label={risk() ? `${m.header.late} / ${m.header.atRisk}` : m.header.late} hint={m.header.lateHint} tone="bad" onClick={showLate} name="late" pressed={laneFilter() === "late"} />
        <Count n={derived.offline().length} label={m.header.offline} hint={m.header.offlineHint} tone="dim" onClick={() => toggleLaneFilter("offline")} name="offline" pressed={laneFilter() === "offline"} />
      </div>
      <ArrivalsTray />
      <LinkPill />
      <Show when={mayDispatch()}><NewMenu /></Show>
      <button type="button" class="ghost square" aria-label={theme() === "dark" ? m.header.toLight : m.header.toDark}
        title={theme() === "dark" ? m.header.toLight : m.header.toDark} onClick={toggleTheme}><Icon name={theme() === "dark" ? "sun" : "moon"} /></button>
      <MeMenu />
    </header>
  );
}

/** Whether what one sees is current; said aloud only when it changes for the worse or back. */
export function LinkPill(): JSX.Element {
  return (
    <span class="pill" data-link={link()} title={m.header.linkHint[link()]}>
      <i aria-hidden="true" /><span>{m.header.link[link()]}</span>
    </span>
  );
}

function Count(props: { n: number; label: string; hint: string; tone: string; name: string; onClick: () => void; pressed?: boolean }): JSX.Element {
  return (
    <button type="button" class="count-button" data-tone={props.n > 0 ? props.tone : "none"} data-count={props.name} title={props.hint}
      aria-label={`${props.n} ${props.label}`} aria-pressed={props.pressed} onClick={() => props.onClick()}>
      <b>{props.n}</b><span>{props.label}</span>
    </button>
  );
}

/** A button with a list under it; closes by choosing, Escape or clicking elsewhere. */
export function Menu(props: { label: string; button: JSX.Element; class: string; children: (close: () => void) => JSX.Element }): JSX.Element {
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
      <button type="button" class={props.class} aria-haspopup="menu" aria-expanded={shown()} aria-label={props.label}
        onClick={() => { if (setShown(!shown())) box.querySelector<HTMLElement>("[role=menuitem]")?.focus(); }}>{props.button}</button>
      <Show when={shown()}><div class="menu-list"><div role="menu" aria-label={props.label}>{props.children(() => setShown(false))}</div></div></Show>
    </div>
  );
}

function NewMenu(): JSX.Element {
  type Made = Opened["name"] & ("job" | "client" | "worker" | "timeOff");
  const items = (): [string, IconName, Made][] => [
    [m.header.newJob, "briefcase", "job"], [m.header.newClient, "building", "client"],
    ...(mayEditTeam() ? [[m.header.newWorker, "userPlus", "worker"] as [string, IconName, Made]] : []),
    [m.header.newTimeOff, "sunbed", "timeOff"],
  ];
  return (
    <Menu label={m.header.create} class="primary new" button={<><Icon name="plus" /><span>{m.header.create}</span></>}>{(close) => (
      <For each={items()}>{([label, icon, name]) => (
        <button type="button" role="menuitem" onClick={() => { close(); open({ name }); }}><Icon name={icon} />{label}</button>
      )}</For>
    )}</Menu>
  );
}

export function MeMenu(): JSX.Element {
  const letters = () => ((floor.me?.firstName?.[0] ?? "") + (floor.me?.lastName?.[0] ?? "")).toUpperCase() || "·";
  return (
    <Menu label={m.header.me} class="me" button={<span class="avatar">{letters()}</span>}>{(close) => (
      <>
        <div class="menu-about" role="presentation">
          <strong>{floor.me?.firstName} {floor.me?.lastName}</strong>
          <span>{floor.me?.email}</span><span>{floor.account?.name} · {m.header.zone(zone())}</span>
        </div>
        <Show when={!inField()}><button type="button" role="menuitem" onClick={() => { close(); open({ name: "keys" }); }}><Icon name="keyboard" />{m.header.shortcuts}</button></Show>
        <button type="button" role="menuitem" onClick={() => void signOut()}><Icon name="out" />{m.sign.out}</button>
      </>
    )}</Menu>
  );
}
