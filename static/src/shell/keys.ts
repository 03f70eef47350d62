// The keyboard: walking through visits, and a letter for what is done most.
// Nothing here fires while somebody types.
import { onCleanup, onMount } from "solid-js";
import type { Visit } from "../api/types";
import { queueOf, queueTab } from "../board/Queue";
import { m } from "../messages";
import { clash, undo } from "../state/actions";
import { open, opened } from "../state/dialogs";
import { derived, floor, mayBePlaced, startOf, visitTitle, workerName } from "../state/floor";
import { announce } from "../state/notices";
import { chosen, choose } from "../state/selection";
import { addDays } from "../time";
import { goToDay } from "./Header";

export function useKeys(): void {
  const listen = (event: KeyboardEvent) => {
    if (event.defaultPrevented || opened() || clash() || typing(event.target)) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      return void undo();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keyed(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  };
  onMount(() => document.addEventListener("keydown", listen));
  onCleanup(() => document.removeEventListener("keydown", listen));
}

function keyed(key: string): (() => void) | null {
  switch (key) {
    case "ArrowDown": case "j": return () => walk(1);
    case "ArrowUp": case "k": return () => walk(-1);
    case "ArrowRight": return () => along(1);
    case "ArrowLeft": return () => along(-1);
    case "a": return withVisit((visit) => open({ name: "assign", visitId: visit.id }));
    case "m": return withVisit((visit) => open({ name: "move", visitId: visit.id }));
    case "n": return () => open({ name: "job" });
    case "t": return () => goToDay(derived.today());
    case "[": return () => goToDay(addDays(derived.date(), -1));
    case "]": return () => goToDay(addDays(derived.date(), 1));
    case "/": return () => document.querySelector<HTMLInputElement>("[data-search]")?.focus();
    case "?": return () => open({ name: "keys" });
    case "Escape": return () => choose(null, "keys");
    default: return null;
  }
}

function withVisit(act: (visit: Visit) => void): () => void {
  return () => {
    const held = chosen();
    const visit = held?.kind === "visit" ? floor.visits[held.id] : undefined;
    if (visit && mayBePlaced(visit)) act(visit);
  };
}

/** The queue's tab first, then the board lane by lane. */
function order(): Visit[] {
  const lanes = derived.workers().flatMap((worker) => derived.byWorker().get(worker.id) ?? []);
  const seen = new Set<string>();
  return [...queueOf(queueTab()), ...lanes].filter((visit) => !seen.has(visit.id) && seen.add(visit.id));
}

function walk(by: number): void {
  const list = order();
  const held = chosen();
  let at = list.findIndex((visit) => held?.kind === "visit" && visit.id === held.id);
  if (at < 0 && held?.kind === "worker") at = list.findIndex((visit) => visit.workerIds.includes(held.id)) - (by > 0 ? 1 : 0);
  pick(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.max(0, Math.min(list.length - 1, at + by))]);
}

function along(by: number): void {
  const held = chosen();
  const visit = held?.kind === "visit" ? floor.visits[held.id] : undefined;
  const lane = visit?.workerIds[0] ? (derived.byWorker().get(visit.workerIds[0]) ?? []) : derived.ofDay().slice().sort((a, b) => startOf(a) - startOf(b));
  const at = lane.findIndex((one) => one.id === visit?.id);
  pick(lane[Math.max(0, Math.min(lane.length - 1, at + by))]);
}

function pick(visit: Visit | undefined): void {
  if (!visit) return;
  choose({ kind: "visit", id: visit.id }, "keys");
  const who = visit.workerIds.map((id) => workerName(floor.workers[id])).join(", ");
  announce(m.said.selected([visitTitle(visit), m.status[visit.status], who].filter(Boolean).join(", ")));
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
