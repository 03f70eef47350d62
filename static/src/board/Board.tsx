// The day board: a lane per worker, time to the right in the account's zone.
// Only the lanes in sight are in the document.
import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show, untrack, type JSX } from "solid-js";
import { m } from "../messages";
import { open } from "../state/dialogs";
import { derived, floor, loaded, now, startOf, zone } from "../state/floor";
import { headWidth, hourWidth, zoomBoard } from "../state/preferences";
import { chosen, origin } from "../state/selection";
import { clock } from "../time";
import { Icon } from "../ui/Icon";
import { AXIS_HEIGHT, hoursOf, LANE_HEIGHT, opensAt, visibleRange, widthOf, xOf, type Axis } from "./layout";
import { Lane } from "./Lane";

export function Board(): JSX.Element {
  let scroller!: HTMLDivElement;
  const [scrollTop, setScrollTop] = createSignal(0);
  const [height, setHeight] = createSignal(600);
  const axis = createMemo<Axis>(() => ({ ...derived.span(), hourWidth: hourWidth() }));
  const range = createMemo(() => visibleRange(scrollTop(), height(), derived.workers().length));
  const visible = createMemo(() => derived.workers().slice(range()[0], range()[1]));
  const topOf = createMemo(() => new Map(derived.workers().map((worker, i) => [worker.id, i * LANE_HEIGHT])));
  const nowX = () => xOf(axis(), now());
  const nowInside = () => now() >= axis().from && now() < axis().to;
  const underNow = (hour: number) => nowInside() && nowX() - xOf(axis(), hour) > -28 && nowX() - xOf(axis(), hour) < 62;
  const step = () => (hourWidth() < 44 ? 2 : 1);

  onMount(() => {
    const observer = new ResizeObserver(() => setHeight(scroller.clientHeight));
    observer.observe(scroller);
    onCleanup(() => observer.disconnect());
  });

    createEffect(on(() => [axis().from, loaded()], () => {
    const at = opensAt(axis(), untrack(now), untrack(derived.ofDay).map(startOf));
    scroller.scrollLeft = Math.max(0, xOf(axis(), at));
  }));

  createEffect(on(chosen, (choice) => {
    if (!choice || origin() === "board") return;
    const visit = choice.kind === "visit" ? floor.visits[choice.id] : undefined;
    const workerId = choice.kind === "worker" ? choice.id : visit?.workerIds[0];
    const top = workerId ? topOf().get(workerId) : undefined;
    if (top !== undefined && (top < scroller.scrollTop || top > scroller.scrollTop + height() - 2 * LANE_HEIGHT)) {
      scroller.scrollTop = Math.max(0, top - height() / 2);
    }
    if (visit?.startsAt && visit.workerIds.length) {
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
          height: `${AXIS_HEIGHT + derived.workers().length * LANE_HEIGHT}px`,
        }}>
          <div class="axis" style={{ height: `${AXIS_HEIGHT}px` }}>
            <div class="axis-corner" title={m.header.zone(zone())}>
              <span>{m.board.people(derived.workers().length)}</span>
              <span class="axis-zoom">
                <button type="button" class="ghost tiny" aria-label={m.board.zoomOut} onClick={() => zoomBoard(1 / 1.3)}><Icon name="minus" size={13} /></button>
                <button type="button" class="ghost tiny" aria-label={m.board.zoomIn} onClick={() => zoomBoard(1.3)}><Icon name="plus" size={13} /></button>
              </span>
            </div>
            <For each={hoursOf(axis())}>{(hour, index) => (
              <Show when={index() % step() === 0 && !underNow(hour)}>
                <span class="axis-hour" style={{ left: `${headWidth() + xOf(axis(), hour)}px` }}>{clock(hour, zone())}</span>
              </Show>
            )}</For>
            <Show when={nowInside()}>
              <span class="axis-now" style={{ left: `${headWidth() + nowX()}px` }}>{clock(now(), zone())}</span>
            </Show>
          </div>
          <div class="lanes" style={{ height: `${derived.workers().length * LANE_HEIGHT}px` }}>
            <For each={visible()}>{(worker) => <Lane worker={worker} axis={axis()} top={topOf().get(worker.id) ?? 0} />}</For>
            <Show when={nowInside()}>
              <div class="now-line" aria-hidden="true" style={{ left: `${headWidth() + nowX()}px` }} />
            </Show>
          </div>
        </div>
      </div>
      <Show when={loaded() && derived.workers().length === 0}>
        <div class="board-empty">
          <Icon name="user" size={32} />
          <h3>{m.board.empty}</h3>
          <p>{m.board.emptyHint}</p>
          <button type="button" class="primary" onClick={() => open({ name: "worker" })}>{m.header.newWorker}</button>
        </div>
      </Show>
    </section>
  );
}
