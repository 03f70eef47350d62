// The day board: a lane per worker, time to the right in the account's zone.
// Only the lanes in sight are in the document, and the one the keyboard is on.
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show, untrack, type JSX } from "solid-js";
import { m } from "../messages";
import { open } from "../state/dialogs";
import { derived, floor, loaded, now, startOf, zone } from "../state/floor";
import { mayEditTeam } from "../state/may";
import { headWidth, hourWidth, zoomBoard } from "../state/preferences";
import { chosen, origin } from "../state/selection";
import { clock } from "../time";
import { Icon } from "../ui/Icon";
import { drag } from "./drag";
import { followFocus, gridKeys } from "./focus";
import { Lane } from "./Lane";
import { board, laneFilter, setCursor, toggleLaneFilter } from "./lanes";
import { AXIS_HEIGHT, hoursOf, LANE_HEIGHT, opensAt, visibleRange, widthOf, xOf, type Axis } from "./layout";

export function Board(): JSX.Element {
  let scroller!: HTMLDivElement;
  let grid!: HTMLDivElement;
  const [scrollTop, setScrollTop] = createSignal(0);
  const [height, setHeight] = createSignal(600);
  const axis = createMemo<Axis>(() => ({ ...derived.span(), hourWidth: hourWidth() }));
  const range = createMemo(() => visibleRange(scrollTop(), height(), board.lanes().length), [0, 0], {
    equals: (a, b) => a[0] === b[0] && a[1] === b[1],
  });
  /** Those in sight, and those that must not vanish: under the keyboard, and at both ends of a drag. */
  const visible = createMemo(() => {
    const [first, last] = range();
    const ids = board.lanes().slice(first, last).map((worker) => worker.id);
    const target = drag()?.target;
    for (const id of [board.cursor()?.workerId, drag()?.fromWorker, target?.kind === "lane" ? target.workerId : null]) {
      if (id && board.indexOf().has(id) && !ids.includes(id)) ids.push(id);
    }
    return ids.sort((a, b) => board.indexOf().get(a)! - board.indexOf().get(b)!);
  }, [], { equals: (a, b) => a.length === b.length && a.every((id, i) => id === b[i]) });
  const nowX = () => xOf(axis(), now());
  const nowInside = () => now() >= axis().from && now() < axis().to;

  onMount(() => {
    const observer = new ResizeObserver(() => setHeight(scroller.clientHeight));
    observer.observe(scroller);
    onCleanup(() => observer.disconnect());
    followFocus(grid);
  });

  createEffect(on(() => [axis().from, loaded()], () => {
    const at = opensAt(axis(), untrack(now), untrack(derived.ofDay).map(startOf));
    scroller.scrollLeft = Math.max(0, xOf(axis(), at));
  }));

  createEffect(on(chosen, (choice) => {
    if (!choice || origin() === "board") return;
    const visit = choice.kind === "visit" ? floor.visits[choice.id] : undefined;
    const workerId = choice.kind === "worker" ? choice.id : visit?.workerIds[0];
    const index = workerId ? board.indexOf().get(workerId) : undefined;
    if (index === undefined) return;
    setCursor({ workerId: workerId!, visitId: choice.kind === "visit" ? choice.id : null });
    const top = index * LANE_HEIGHT;
    if (top < scroller.scrollTop || top > scroller.scrollTop + height() - 2 * LANE_HEIGHT) {
      scroller.scrollTop = Math.max(0, top - height() / 2);
    }
    if (visit?.startsAt) {
      const x = xOf(axis(), startOf(visit));
      const seen = scroller.clientWidth - headWidth();
      if (x >= 0 && (x < scroller.scrollLeft || x > scroller.scrollLeft + seen - 60)) scroller.scrollLeft = Math.max(0, x - seen / 3);
    }
  }, { defer: true }));

  return (
    <section class="board panel" aria-label={m.board.title}>
      <div class="board-scroll" data-board ref={scroller} onScroll={() => setScrollTop(scroller.scrollTop)}
        style={{ "--hour": `${hourWidth()}px`, "--head": `${headWidth()}px` }}>
        <div class="board-canvas" style={{
          width: `${headWidth() + widthOf(axis())}px`,
          height: `${AXIS_HEIGHT + board.lanes().length * LANE_HEIGHT}px`,
        }}>
          <TimeAxis axis={axis()} nowX={nowInside() ? nowX() : null} />
          <div class="lanes" role={board.lanes().length ? "grid" : undefined} aria-label={board.lanes().length ? m.board.grid : undefined} aria-rowcount={board.lanes().length || undefined}
            ref={grid} onKeyDown={gridKeys} style={{ height: `${board.lanes().length * LANE_HEIGHT}px` }}>
            <For each={visible()}>{(id) => <Lane workerId={id} axis={axis()} index={board.indexOf().get(id) ?? 0} />}</For>
          </div>
          <Show when={nowInside() && board.lanes().length > 0}>
            <div class="now-line" aria-hidden="true" style={{ left: `${headWidth() + nowX()}px` }} />
          </Show>
        </div>
      </div>
      <Show when={loaded() && board.lanes().length === 0}><NoLanes /></Show>
    </section>
  );
}

function TimeAxis(props: { axis: Axis; nowX: number | null }): JSX.Element {
  const step = () => (props.axis.hourWidth < 44 ? 2 : 1);
  const underNow = (hour: number) => props.nowX !== null && props.nowX - xOf(props.axis, hour) > -28 && props.nowX - xOf(props.axis, hour) < 62;
  const people = () => (laneFilter() ? m.board.someOf(board.lanes().length, derived.workers().length) : m.board.people(derived.workers().length));
  return (
    <div class="axis" style={{ height: `${AXIS_HEIGHT}px` }}>
      <div class="axis-corner" title={m.header.zone(zone())}>
        <Show when={laneFilter()} fallback={<span>{people()}</span>}>
          <button type="button" class="axis-filter" title={m.board.clearFilter} aria-label={`${people()}. ${m.board.clearFilter}`}
            onClick={() => toggleLaneFilter(null)}>{people()}<Icon name="cross" size={12} /></button>
        </Show>
        <span class="axis-zoom">
          <button type="button" class="ghost tiny" aria-label={m.board.zoomOut} onClick={() => zoomBoard(1 / 1.3)}><Icon name="minus" size={13} /></button>
          <button type="button" class="ghost tiny" aria-label={m.board.zoomIn} onClick={() => zoomBoard(1.3)}><Icon name="plus" size={13} /></button>
        </span>
      </div>
      <For each={hoursOf(props.axis)}>{(hour, index) => (
        <Show when={index() % step() === 0 && !underNow(hour)}>
          <span class="axis-hour" style={{ left: `${headWidth() + xOf(props.axis, hour)}px` }}>{clock(hour, zone())}</span>
        </Show>
      )}</For>
      <Show when={props.nowX !== null}>
        <span class="axis-now" style={{ left: `${headWidth() + props.nowX!}px` }}>{clock(now(), zone())}</span>
      </Show>
    </div>
  );
}

function NoLanes(): JSX.Element {
  return (
    <div class="board-empty">
      <Show when={laneFilter()} fallback={<>
        <Icon name="user" size={32} />
        <h2>{m.board.empty}</h2>
        <p>{m.board.emptyHint}</p>
        <Show when={mayEditTeam()}><button type="button" class="primary" onClick={() => open({ name: "worker" })}>{m.header.newWorker}</button></Show>
      </>}>{(filter) => <>
        <Icon name="check" size={32} />
        <h2>{m.board.noneOf[filter()]}</h2>
        <button type="button" class="quiet" onClick={() => toggleLaneFilter(null)}>{m.board.clearFilter}</button>
      </>}</Show>
    </div>
  );
}
