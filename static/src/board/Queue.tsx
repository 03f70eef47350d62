// What waits for a decision: visits without a person, without a time, late
// ones, and what is done. Dragged from here, or dropped here to let go. Only
// the items in sight are in the document.
import { createEffect, createMemo, createSelector, createSignal, For, on, onCleanup, onMount, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { clientOf, derived, displayName, floor, isLate, now, shownVisit, visitTitle, workerName } from "../state/floor";
import { heldBy } from "../state/holds";
import { mayDispatch } from "../state/may";
import { chosen, choose, isChosen, origin, setHovered } from "../state/selection";
import { spanWords } from "../state/words";
import { Icon, statusIcon } from "../ui/Icon";
import { drag, grab, mayDrag } from "./drag";

export type QueueTab = "unassigned" | "unscheduled" | "late" | "done";
const TABS: QueueTab[] = ["unassigned", "unscheduled", "late", "done"];
const ITEM_HEIGHT = 88;
const SPARE = 4;
const [tab, setTab] = createSignal<QueueTab>("unassigned");
export { tab as queueTab, setTab as setQueueTab };

export function queueOf(which: QueueTab): Visit[] {
  return which === "late" ? [...derived.late(), ...derived.atRisk()] : derived[which]();
}

let list: HTMLElement | null = null;
const [stop, setStop] = createSignal<string | null>(null);

export const onQueue = (): boolean => list !== null && list.contains(document.activeElement);
export function focusQueue(): void {
  const id = stopIn(queueOf(tab()));
  if (id) focusItem(id);
  else list?.closest("section")?.querySelector<HTMLElement>("[role=tab][aria-selected=true]")?.focus();
}
export function stepQueue(by: number): void {
  const visits = queueOf(tab());
  const at = visits.findIndex((visit) => visit.id === stopIn(visits));
  const next = visits[Math.max(0, Math.min(visits.length - 1, at + by))];
  if (!next) return;
  focusItem(next.id);
  if (chosen()) choose({ kind: "visit", id: next.id }, "queue");
}
function stopIn(visits: Visit[]): string | null {
  return visits.find((visit) => visit.id === stop())?.id ?? visits[0]?.id ?? null;
}
function focusItem(id: string): void {
  setStop(id);
  const index = queueOf(tab()).findIndex((visit) => visit.id === id);
  const top = index * ITEM_HEIGHT;
  if (list && top < list.scrollTop) list.scrollTop = top;
  else if (list && top + ITEM_HEIGHT + 8 > list.scrollTop + list.clientHeight) list.scrollTop = top + ITEM_HEIGHT + 16 - list.clientHeight;
  list?.querySelector<HTMLElement>(`[data-visit="${id}"]`)?.focus({ preventScroll: true });
}

export function Queue(): JSX.Element {
  const leaving = () => drag()?.target?.kind === "queue" && drag()?.fromWorker !== null;
  const walkTabs = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    setTab(TABS[(TABS.indexOf(tab()) + by + TABS.length) % TABS.length]!);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  };
  return (
    <section class="queue panel" aria-label={m.queue.title} data-queue classList={{ receiving: leaving() }}>
      <div class="tabs" role="tablist" aria-label={m.queue.title} onKeyDown={walkTabs}>
        <For each={TABS}>{(one) => (
          <button type="button" role="tab" id={`queue-${one}`} aria-selected={tab() === one} aria-controls="queue-panel" tabindex={tab() === one ? 0 : -1} onClick={() => setTab(one)}>
            {m.queue[one]}
            <span class="count" classList={{ hot: (one === "unassigned" || one === "late") && queueOf(one).length > 0 }}>{queueOf(one).length > 99 ? m.queue.many : queueOf(one).length}</span>
          </button>
        )}</For>
      </div>
      <div class="queue-panel" role="tabpanel" id="queue-panel" aria-labelledby={`queue-${tab()}`}><QueueList /></div>
      <Show when={leaving()}><div class="queue-drop">{m.queue.dropHere}</div></Show>
      <Show when={!leaving() && tab() !== "done" && queueOf(tab()).length > 0 && mayDispatch()}><p class="queue-hint">{m.queue.hint}</p></Show>
    </section>
  );
}

function QueueList(): JSX.Element {
  let scroller!: HTMLDivElement;
  let inside = false;
  const [scrollTop, setScrollTop] = createSignal(0);
  const [height, setHeight] = createSignal(600);
  const ids = createMemo(() => queueOf(tab()).map((visit) => visit.id));
  const current = createMemo(() => stopIn(queueOf(tab())));
  const isStop = createSelector(current);
  const visible = createMemo(() => {
    const first = Math.max(0, Math.floor(scrollTop() / ITEM_HEIGHT) - SPARE);
    const shown = ids().slice(first, Math.ceil((scrollTop() + height()) / ITEM_HEIGHT) + SPARE);
    for (const id of [current(), drag()?.visit.id]) if (id && !shown.includes(id) && ids().includes(id)) shown.push(id);
    return shown;
  });
  const indexOf = createMemo(() => new Map(ids().map((id, index) => [id, index])));
  onMount(() => {
    list = scroller;
    const observer = new ResizeObserver(() => setHeight(scroller.clientHeight));
    observer.observe(scroller);
    onCleanup(() => {
      observer.disconnect();
      list = null;
    });
  });
  // Somebody took what had the focus out of the queue: it goes to what came in its place.
  createEffect(on(ids, (next, before) => {
    if (!inside || document.activeElement !== document.body) return;
    const at = before?.indexOf(stop() ?? "") ?? 0;
    const heir = next.includes(stop() ?? "") ? stop() : next[Math.min(Math.max(at, 0), next.length - 1)];
    if (heir) focusItem(heir);
  }, { defer: true }));
  createEffect(on(tab, () => { scroller.scrollTop = 0; }, { defer: true }));
  createEffect(on(chosen, (choice) => {
    if (choice?.kind !== "visit" || origin() === "queue") return;
    const index = indexOf().get(choice.id);
    if (index === undefined) return;
    setStop(choice.id);
    const top = index * ITEM_HEIGHT;
    if (top < scroller.scrollTop || top + ITEM_HEIGHT > scroller.scrollTop + height()) scroller.scrollTop = Math.max(0, top - height() / 3);
  }, { defer: true }));
  const focused = (event: FocusEvent) => {
    inside = true;
    const id = (event.target as HTMLElement).closest<HTMLElement>("[data-visit]")?.dataset.visit;
    if (id) setStop(id);
  };
  const left = (event: FocusEvent) => {
    const target = event.target as HTMLElement;
    queueMicrotask(() => { if (target.isConnected && !scroller.contains(document.activeElement)) inside = false; });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") stepQueue(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Home" || event.key === "End") stepQueue(event.key === "Home" ? -ids().length : ids().length);
    else if ((event.key === "Enter" || event.key === " ") && current()) choose({ kind: "visit", id: current()! }, "queue");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="queue-list" ref={scroller} onScroll={() => setScrollTop(scroller.scrollTop)}>
      <Show when={ids().length > 0} fallback={<p class="queue-empty"><Icon name="check" size={20} />{m.queue.empty[tab()]}</p>}>
        <div class="queue-canvas" role="listbox" aria-label={m.queue[tab()]} onKeyDown={keys} onFocusIn={focused} onFocusOut={left}
          style={{ height: `${ids().length * ITEM_HEIGHT}px` }}>
          <For each={visible()}>{(id) => (
            <Show when={shownVisit(id)}>{(visit) => (
              <QueueItem visit={visit()} index={indexOf().get(id) ?? 0} of={ids().length} stop={isStop(id)} />
            )}</Show>
          )}</For>
        </div>
      </Show>
    </div>
  );
}

function QueueItem(props: { visit: Visit; index: number; of: number; stop: boolean }): JSX.Element {
  const client = () => displayName(clientOf(props.visit));
  const people = () => props.visit.workerIds.map((id) => workerName(floor.workers[id])).filter(Boolean).join(", ");
  const pick = () => choose({ kind: "visit", id: props.visit.id }, "queue");
  const late = () => isLate(props.visit, now());
  const risk = () => tab() === "late" && !late();
  const urgent = () => (props.visit.priority ?? 0) >= 4;
  const label = () => [
    visitTitle(props.visit), client(), m.status[props.visit.status], risk() ? m.queue.atRisk : late() ? m.header.late : "", spanWords(props.visit), people(),
    urgent() ? m.form.priorities[props.visit.priority!] : "", heldBy(props.visit.id) ? m.holds.moving(heldBy(props.visit.id)!) : "",
  ].filter(Boolean).join(", ");
  return (
    <div class="item" role="option" tabindex={props.stop ? 0 : -1} data-visit={props.visit.id} data-status={props.visit.status} style={{ top: `${props.index * ITEM_HEIGHT}px` }}
      aria-selected={isChosen("visit", props.visit.id)} aria-setsize={props.of} aria-posinset={props.index + 1} aria-label={label()}
      classList={{ chosen: isChosen("visit", props.visit.id), movable: mayDrag(props.visit), lifted: drag()?.visit.id === props.visit.id, saving: Boolean(floor.pending[props.visit.id]) }}
      onPointerDown={(event) => grab(event, props.visit, null)} onClick={pick}
      onPointerEnter={() => setHovered({ kind: "visit", id: props.visit.id })} onPointerLeave={() => setHovered(null)}>
      <div class="item-top">
        <span class="chip" data-status={props.visit.status}>
          <Icon name={statusIcon[props.visit.status]} size={13} />{m.status[props.visit.status]}
        </span>
        <span class="item-time" classList={{ late: late() }}><Show when={late() || risk()}><Icon name="alert" size={12} /></Show>{spanWords(props.visit)}</span>
      </div>
      <div class="item-title">{visitTitle(props.visit)}</div>
      <div class="item-sub">
        <Show when={urgent()}><span class="tag urgent"><Icon name="flag" size={11} />{m.form.priorities[props.visit.priority!] ?? props.visit.priority}</span></Show>
        <Show when={risk()}><span class="tag urgent">{m.queue.atRisk}</span></Show>
        <span class="item-who">{[client(), people()].filter(Boolean).join(" · ")}</span>
        <Show when={(props.visit.requiredSkills ?? []).length > 0}><span class="tag">{props.visit.requiredSkills!.join(", ")}</span></Show>
      </div>
      <Show when={heldBy(props.visit.id)}>{(who) => <span class="card-by" data-held><Icon name="grip" size={11} />{m.holds.moving(who())}</span>}</Show>
    </div>
  );
}
