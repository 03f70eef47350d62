// One worker's day: who it is, when they work and are off, and their visits.
import { createMemo, For, Show, type JSX } from "solid-js";
import type { Worker } from "../api/types";
import { agoOf } from "../state/words";
import { m } from "../messages";
import { derived, endOf, initials, livePosition, startOf, workerName, zone } from "../state/floor";
import { choose, isChosen } from "../state/selection";
import { clock, overlaps, workingSpans } from "../time";
import { drag } from "./drag";
import { boxOf, LANE_HEIGHT, stack, widthOf, xOf, type Axis } from "./layout";
import { VisitCard } from "./VisitCard";

export function Lane(props: { worker: Worker; axis: Axis; top: number }): JSX.Element {
  const visits = createMemo(() => derived.byWorker().get(props.worker.id) ?? []);
  const rows = createMemo(() => stack(visits().map((v) => ({ from: startOf(v), to: endOf(v) }))));
  const working = createMemo(() => workingSpans(props.worker.workingHours, props.axis, props.worker.timeZone ?? zone()));
  const off = createMemo(() => (props.worker.timeOff ?? [])
    .map((one) => ({ ...one, from: Date.parse(one.startsAt), to: Date.parse(one.endsAt) }))
    .filter((one) => overlaps(one, props.axis)));
  const ghost = createMemo(() => {
    const target = drag()?.target;
    return target?.kind === "lane" && target.workerId === props.worker.id ? target : null;
  });
  return (
    <div class="lane" role="group" aria-label={m.board.lane(workerName(props.worker), visits().length)}
      classList={{ chosen: isChosen("worker", props.worker.id), target: ghost() !== null }}
      style={{ top: `${props.top}px`, height: `${LANE_HEIGHT}px` }}>
      <LaneHead worker={props.worker} />
      <div class="lane-track" data-lane={props.worker.id} style={{ width: `${widthOf(props.axis)}px` }}>
        <For each={working()}>{(span) => {
          const box = () => boxOf(props.axis, span);
          return <div class="lane-working" style={{ left: `${box().left}px`, width: `${box().width}px` }} />;
        }}</For>
        <div class="lane-grid" />
        <For each={off()}>{(one) => {
          const box = () => boxOf(props.axis, one);
          return (
            <div class="lane-off" title={m.board.timeOff(one.reason ?? "")} style={{ left: `${box().left}px`, width: `${box().width}px` }}>
              <span>{m.board.timeOff(one.reason ?? "")}</span>
            </div>
          );
        }}</For>
        <For each={visits()}>{(visit, index) => (
          <VisitCard visit={visit} workerId={props.worker.id} axis={props.axis} row={rows()[index()] ?? { row: 0, rows: 1 }} />
        )}</For>
        <Show when={ghost()}>{(target) => (
          <div class="lane-ghost" classList={{ bad: target().misfits.length > 0 }}
            style={{ left: `${xOf(props.axis, target().span.from)}px`, width: `${boxOf(props.axis, target().span).width}px` }}>
            {clock(target().span.from, zone())}–{clock(target().span.to, zone())}
          </div>
        )}</Show>
      </div>
    </div>
  );
}

function LaneHead(props: { worker: Worker }): JSX.Element {
  const live = () => livePosition(props.worker.id);
  const presence = () => live()?.presence ?? "never";
  const line = () => {
    const held = live();
    if (props.worker.status === "inactive") return m.board.inactive;
    if (!held || presence() === "never") return m.presence.never;
    if (held.onShift === false) return m.board.offShift;
    if (presence() === "online") return held.visitStatus ? m.status[held.visitStatus] : m.presence.online;
    return `${m.presence[presence()]} · ${agoOf(held.at)}`;
  };
  return (
    <button type="button" class="lane-head" aria-pressed={isChosen("worker", props.worker.id)} data-worker={props.worker.id}
      onClick={() => choose({ kind: "worker", id: props.worker.id }, "board")}>
      <span class="avatar" data-presence={presence()} aria-hidden="true">{initials(props.worker)}</span>
      <span class="lane-who">
        <span class="lane-name">{workerName(props.worker)}</span>
        <span class="lane-state">{line()}</span>
      </span>
    </button>
  );
}
