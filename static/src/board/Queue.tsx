// What waits for a decision: visits without a person, without a time, late
// ones, and what is done. Dragged from here, or dropped here to let go.
import { createEffect, createMemo, createSignal, For, on, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { clientOf, derived, displayName, floor, isLate, now, visitTitle, workerName } from "../state/floor";
import { chosen, choose, isChosen, origin, setHovered } from "../state/selection";
import { spanWords } from "../state/words";
import { Icon, statusIcon } from "../ui/Icon";
import { drag, grab } from "./drag";

export type QueueTab = "unassigned" | "unscheduled" | "late" | "done";
const TABS: QueueTab[] = ["unassigned", "unscheduled", "late", "done"];
const [tab, setTab] = createSignal<QueueTab>("unassigned");
export { tab as queueTab, setTab as setQueueTab };

export function queueOf(which: QueueTab): Visit[] {
  return derived[which]();
}

export function Queue(): JSX.Element {
  let list!: HTMLDivElement;
  const visits = createMemo(() => queueOf(tab()));
  const leaving = () => drag()?.target?.kind === "queue" && drag()?.fromWorker !== null;
  createEffect(on(chosen, (choice) => {
    if (choice?.kind !== "visit" || origin() === "queue") return;
    list.querySelector(`[data-visit="${choice.id}"]`)?.scrollIntoView({ block: "nearest" });
  }, { defer: true }));
  const walkTabs = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    setTab(TABS[(TABS.indexOf(tab()) + by + TABS.length) % TABS.length]!);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  };
  return (
    <section class="queue panel" aria-label={m.queue.title} data-queue classList={{ receiving: leaving() }}>
      <div class="tabs" role="tablist" aria-label={m.queue.title} onKeyDown={walkTabs}>
        <For each={TABS}>{(one) => (
          <button type="button" role="tab" aria-selected={tab() === one} tabindex={tab() === one ? 0 : -1} onClick={() => setTab(one)}>
            {m.queue[one]}
            <span class="count" classList={{ hot: (one === "unassigned" || one === "late") && queueOf(one).length > 0 }}>{queueOf(one).length}</span>
          </button>
        )}</For>
      </div>
      <div class="queue-list" role="tabpanel" aria-label={m.queue[tab()]} ref={list}>
        <For each={visits()} fallback={<p class="queue-empty"><Icon name="check" size={20} />{m.queue.empty[tab()]}</p>}>
          {(visit) => <QueueItem visit={visit} />}
        </For>
      </div>
      <Show when={leaving()}><div class="queue-drop">{m.queue.dropHere}</div></Show>
      <Show when={!leaving() && tab() !== "done" && visits().length > 0}><p class="queue-hint">{m.queue.hint}</p></Show>
    </section>
  );
}

function QueueItem(props: { visit: Visit }): JSX.Element {
  const client = () => displayName(clientOf(props.visit));
  const people = () => props.visit.workerIds.map((id) => workerName(floor.workers[id])).filter(Boolean).join(", ");
  const pick = () => choose({ kind: "visit", id: props.visit.id }, "queue");
  return (
    <div class="item" role="button" tabindex="0" data-visit={props.visit.id} data-status={props.visit.status}
      aria-pressed={isChosen("visit", props.visit.id)}
      aria-label={[visitTitle(props.visit), client(), m.status[props.visit.status], spanWords(props.visit)].filter(Boolean).join(", ")}
      classList={{ chosen: isChosen("visit", props.visit.id), lifted: drag()?.visit.id === props.visit.id, saving: Boolean(floor.pending[props.visit.id]) }}
      onPointerDown={(event) => grab(event, props.visit, null)} onClick={pick} onKeyDown={(event) => event.key === "Enter" && pick()}
      onPointerEnter={() => setHovered({ kind: "visit", id: props.visit.id })} onPointerLeave={() => setHovered(null)}>
      <div class="item-top">
        <span class="chip" data-status={props.visit.status}>
          <Icon name={statusIcon[props.visit.status]} size={13} />{m.status[props.visit.status]}
        </span>
        <span class="item-time" classList={{ late: isLate(props.visit, now()) }}>{spanWords(props.visit)}</span>
      </div>
      <div class="item-title">{visitTitle(props.visit)}</div>
      <div class="item-sub">{[client(), people()].filter(Boolean).join(" · ")}</div>
      <Show when={(props.visit.requiredSkills ?? []).length > 0 || (props.visit.priority ?? 0) >= 4}>
        <div class="item-tags">
          <Show when={(props.visit.priority ?? 0) >= 4}><span class="tag urgent"><Icon name="flag" size={11} />{m.form.priorities[props.visit.priority!] ?? props.visit.priority}</span></Show>
          <For each={props.visit.requiredSkills ?? []}>{(skill) => <span class="tag">{skill}</span>}</For>
        </div>
      </Show>
    </div>
  );
}
