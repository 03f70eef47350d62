// One worker's day: who it is, when they work and are off, and their visits.
import { createMemo, For, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { derived, endOf, floor, initials, laneOf, livePosition, shownVisit, startOf, workerName, zone } from "../state/floor";
import { choose, isChosen } from "../state/selection";
import { presenceWords } from "../state/words";
import { clock, overlaps, workingSpans } from "../time";
import { drag } from "./drag";
import { board } from "./lanes";
import { boxOf, LANE_HEIGHT, stack, widthOf, xOf, type Axis, type Row } from "./layout";
import { VisitCard } from "./VisitCard";

export function Lane(props: { workerId: string; axis: Axis; index: number }): JSX.Element {
  const worker = () => floor.workers[props.workerId];
  const visits = laneOf(props.workerId);
  const rows = createMemo<Map<string, Row>>(() => {
    const shown = visits().flatMap((id) => shownVisit(id) ?? []);
    const stacked = stack(shown.map((visit) => ({ from: startOf(visit), to: endOf(visit) })));
    return new Map(shown.map((visit, i) => [visit.id, stacked[i]!]));
  });
  const working = createMemo(() => workingSpans(worker()?.workingHours, props.axis, worker()?.timeZone ?? zone()));
  const off = createMemo(() => (worker()?.timeOff ?? [])
    .map((one) => ({ ...one, from: Date.parse(one.startsAt), to: Date.parse(one.endsAt) }))
    .filter((one) => overlaps(one, props.axis)));
  const ghost = createMemo(() => {
    const target = drag()?.target;
    return target?.kind === "lane" && target.workerId === props.workerId ? target : null;
  });
  return (
    <div class="lane" role="row" aria-rowindex={props.index + 1} aria-label={m.board.lane(workerName(worker()), visits().length)}
      classList={{ chosen: isChosen("worker", props.workerId), target: ghost() !== null }}
      style={{ top: `${props.index * LANE_HEIGHT}px`, height: `${LANE_HEIGHT}px` }}>
      <LaneHead workerId={props.workerId} visits={visits().length} />
      <div class="lane-track" data-lane={props.workerId} style={{ width: `${widthOf(props.axis)}px` }}>
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
        <For each={visits()}>{(id) => (
          <VisitCard id={id} workerId={props.workerId} axis={props.axis} row={rows().get(id) ?? FULL} />
        )}</For>
        <Show when={ghost()}>{(target) => (
          <div class="lane-ghost" classList={{ bad: target().verdict?.fits === false || target().misfits.length > 0 }}
            style={{ left: `${xOf(props.axis, target().span.from)}px`, width: `${boxOf(props.axis, target().span).width}px` }}>
            {clock(target().span.from, zone())}–{clock(target().span.to, zone())}
          </div>
        )}</Show>
      </div>
    </div>
  );
}
const FULL: Row = { row: 0, rows: 1 };

function LaneHead(props: { workerId: string; visits: number }): JSX.Element {
  const worker = () => floor.workers[props.workerId];
  const presence = () => livePosition(props.workerId)?.presence ?? "never";
  const line = () => {
    const live = livePosition(props.workerId);
    if (worker()?.status === "inactive") return m.board.inactive;
    if (worker()?.available === false) return m.availability.unavailable;
    if (presence() === "online" && live?.onShift !== false) return live?.visitStatus ? m.status[live.visitStatus] : doing(props.workerId);
    return presenceWords(live);
  };
  return (
    <div class="lane-head" role="rowheader" data-worker={props.workerId} data-stop={props.workerId} tabindex={board.isStop(`${props.workerId}/`) ? 0 : -1}
      aria-label={[workerName(worker()), line(), m.board.visits(props.visits)].join(", ")}
      onClick={() => choose({ kind: "worker", id: props.workerId }, "board")}>
      <span class="avatar" data-presence={presence()} aria-hidden="true">{initials(worker())}</span>
      <span class="lane-who">
        <span class="lane-name">{workerName(worker())}</span>
        <span class="lane-state">{line()}</span>
      </span>
    </div>
  );
}

/** What somebody who is there is doing, by the visits of the day. */
function doing(workerId: string): string {
  const under = (derived.byWorker().get(workerId) ?? []).find((visit) =>
    visit.status === "traveling" || visit.status === "onSite" || visit.status === "inProgress" || visit.status === "paused");
  return under ? m.status[under.status] : m.presence.online;
}
