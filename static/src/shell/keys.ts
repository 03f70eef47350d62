// The keyboard: where it goes on the floor, and a letter for what is done
// most. Nothing here fires while somebody types.
import { onCleanup, onMount } from "solid-js";
import type { Visit } from "../api/types";
import { focusCursor, goOnBoard, onBoard } from "../board/focus";
import { cancelNudge, dropNudge, nudge } from "../board/nudge";
import { focusQueue, onQueue, stepQueue } from "../board/Queue";
import { board } from "../board/lanes";
import { m } from "../messages";
import { clash, unassign, undo } from "../state/actions";
import { open, opened } from "../state/dialogs";
import { derived, floor, mayBePlaced, visitTitle } from "../state/floor";
import { inOffice, mayDispatch } from "../state/may";
import { announce } from "../state/notices";
import { setPanel, singleKeys } from "../state/preferences";
import { chosen, choose } from "../state/selection";
import { addDays } from "../time";
import { goToDay } from "./Header";

export function useKeys(): void {
  const down = (event: KeyboardEvent) => {
    if (event.defaultPrevented || opened() || clash() || typing(event.target)) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      return void undo();
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.altKey) {
      if (event.key === "Escape") return void cancelNudge();
      if (nudge(event.key, visitInHand(), onBoard() ? (board.cursor()?.workerId ?? null) : null)) event.preventDefault();
      return;
    }
    const act = event.key.length === 1 && !singleKeys() && event.key !== "?" ? null : keyed(event.key, event.target);
    if (!act) return;
    event.preventDefault();
    act();
  };
  const up = (event: KeyboardEvent) => {
    // Letting go of Alt would otherwise open the browser's menu.
    if (event.key === "Alt" && dropNudge()) event.preventDefault();
  };
  const away = () => cancelNudge();
  onMount(() => {
    document.addEventListener("keydown", down);
    document.addEventListener("keyup", up);
    window.addEventListener("blur", away);
  });
  onCleanup(() => {
    document.removeEventListener("keydown", down);
    document.removeEventListener("keyup", up);
    window.removeEventListener("blur", away);
  });
}

function keyed(key: string, target: EventTarget | null): (() => void) | null {
  switch (key) {
    case "ArrowDown": case "ArrowUp":
      // A region that scrolls keeps its arrows; the page itself has nothing to scroll.
      return target === document.body || onQueue() ? () => walk(key === "ArrowDown" ? 1 : -1) : null;
    case "ArrowLeft": case "ArrowRight":
      return target === document.body ? () => void goOnBoard(key === "ArrowLeft" ? "left" : "right") : null;
    case "j": return () => walk(1);
    case "k": return () => walk(-1);
    case "q": return () => { setPanel("queue"); focusQueue(); };
    case "b": return () => { setPanel("board"); focusCursor(); };
    case "i": return () => document.querySelector<HTMLElement>(".inspector button, .inspector a")?.focus();
    case "a": return withVisit((visit) => open({ name: "assign", visitId: visit.id }));
    case "m": return withVisit((visit) => open({ name: "move", visitId: visit.id }));
    case "u": return withVisit((visit) => void (visit.workerIds.length ? unassign(visit) : announce(m.said.nobodyOn(visitTitle(visit)))));
    case "n": return mayDispatch() ? () => open({ name: "job" }) : null;
    case "t": return () => goToDay(derived.today());
    case "[": return () => goToDay(addDays(derived.date(), -1));
    case "]": return () => goToDay(addDays(derived.date(), 1));
    case "/": return () => document.querySelector<HTMLInputElement>("[data-search]")?.focus();
    case "?": return () => open({ name: "keys" });
    case "Escape": return escape;
    default: return null;
  }
}

function walk(by: number): void {
  if (onQueue()) stepQueue(by);
  else goOnBoard(by > 0 ? "down" : "up");
}

function escape(): void {
  if (cancelNudge() || !chosen()) return;
  const inDetails = document.activeElement?.closest(".inspector") !== null;
  choose(null, "keys");
  if (inDetails || document.activeElement === document.body) focusCursor();
}

/** The visit that has the focus, or else the one whose details are open. */
function visitInHand(): Visit | undefined {
  const focused = document.activeElement?.closest<HTMLElement>("[data-visit]")?.dataset.visit;
  const held = chosen();
  const id = focused ?? (held?.kind === "visit" ? held.id : undefined);
  return id ? floor.visits[id] : undefined;
}

function withVisit(act: (visit: Visit) => void): (() => void) | null {
  return () => {
    const visit = visitInHand();
    if (!visit || !inOffice()) return;
    if (!mayDispatch()) announce(m.said.offline);
    else if (!mayBePlaced(visit)) announce(m.said.cannotMove(visitTitle(visit)));
    else act(visit);
  };
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
