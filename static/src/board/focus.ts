// Keyboard focus on the board: one tab stop, arrows between visits and lanes,
// and a focus that outlives what live updates do to the document.
import { createEffect, on, onCleanup } from "solid-js";
import { derived, floor, startOf } from "../state/floor";
import { headWidth, hourWidth } from "../state/preferences";
import { chosen, choose } from "../state/selection";
import { board, keyOf, setCursor, stepFrom, type Cursor, type Way } from "./lanes";
import { AXIS_HEIGHT, LANE_HEIGHT } from "./layout";

let grid: HTMLElement | null = null;
let inside = false;

/** Keeps what has the focus in step with the cursor, both ways; to be called when the grid is there. */
export function followFocus(element: HTMLElement): void {
  grid = element;
  const focused = (event: FocusEvent) => {
    const stop = (event.target as HTMLElement).closest<HTMLElement>("[data-stop]");
    inside = true;
    if (stop) setCursor(cursorIn(stop));
  };
  const left = (event: FocusEvent) => {
    const target = event.target as HTMLElement;
    // What live updates took out of the document did not mean to let go of the focus.
    queueMicrotask(() => {
      if (target.isConnected && !element.contains(document.activeElement)) inside = false;
    });
  };
  element.addEventListener("focusin", focused);
  element.addEventListener("focusout", left);
  createEffect(on([board.cursor, derived.byWorker, board.lanes], () => {
    if (inside && (document.activeElement === document.body || document.activeElement === null)) focusCursor(false);
  }, { defer: true }));
  onCleanup(() => {
    grid = null;
    inside = false;
  });
}

function cursorIn(stop: HTMLElement): Cursor {
  return { workerId: stop.dataset.stop!, visitId: stop.dataset.visit ?? null };
}

/** Gives the focus to where the cursor stands; false if there is no board to stand on. */
export function focusCursor(scroll = true): boolean {
  const cursor = board.cursor();
  if (!grid || !cursor) return false;
  const stop = [...grid.querySelectorAll<HTMLElement>("[data-stop]")].find((one) => keyOf(cursorIn(one)) === keyOf(cursor));
  if (!stop) return false;
  if (scroll) reveal(cursor);
  stop.focus({ preventScroll: true });
  return true;
}

export function onBoard(): boolean {
  return grid !== null && grid.contains(document.activeElement);
}

export function goOnBoard(way: Way): boolean {
  if (!onBoard()) return focusCursor();
  const next = stepFrom(board.cursor(), way);
  if (!next) return false;
  setCursor(next);
  const moved = focusCursor();
  // Details that are open follow the keyboard, those that are closed stay so.
  if (chosen()) choose(next.visitId ? { kind: "visit", id: next.visitId } : { kind: "worker", id: next.workerId }, "board");
  return moved;
}

/** Scrolls so that a place on the board is in sight, clear of the names and of the hours. */
export function reveal(cursor: Cursor): void {
  const scroller = grid?.closest<HTMLElement>("[data-board]");
  const index = board.indexOf().get(cursor.workerId);
  if (!scroller || index === undefined) return;
  const top = index * LANE_HEIGHT;
  const seen = scroller.clientHeight - AXIS_HEIGHT;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + LANE_HEIGHT > scroller.scrollTop + seen) scroller.scrollTop = top + LANE_HEIGHT - seen;
  const visit = cursor.visitId ? floor.visits[cursor.visitId] : undefined;
  if (!visit?.startsAt) return;
  const from = ((startOf(visit) - derived.span().from) / 3_600_000) * hourWidth();
  const width = scroller.clientWidth - headWidth();
  if (from < scroller.scrollLeft || from + 60 > scroller.scrollLeft + width) scroller.scrollLeft = Math.max(0, from - width / 3);
}

const WAYS: Record<string, Way> = {
  ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", Home: "first", End: "last",
  PageUp: "pageUp", PageDown: "pageDown",
};

const CTRL_WAYS: Record<string, Way> = { Home: "top", End: "bottom" };

/** Keys while the focus is on the board. Letters that act on a visit are in shell/keys.ts. */
export function gridKeys(event: KeyboardEvent): void {
  if (event.altKey || event.metaKey) return;
  const way = event.ctrlKey ? CTRL_WAYS[event.key] : WAYS[event.key];
  if (way) goOnBoard(way);
  else if (!event.ctrlKey && (event.key === "Enter" || event.key === " ")) {
    const cursor = board.cursor();
    if (cursor) choose(cursor.visitId ? { kind: "visit", id: cursor.visitId } : { kind: "worker", id: cursor.workerId }, "board");
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
