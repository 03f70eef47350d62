// A visit on a lane: colour, icon and words for its state, as wide as its time.
import { Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { clientOf, displayName, endOf, floor, isLate, mayBePlaced, now, startOf, visitTitle, zone } from "../state/floor";
import { choose, isChosen, setHovered } from "../state/selection";
import { clock } from "../time";
import { Icon, statusIcon } from "../ui/Icon";
import { drag, grab } from "./drag";
import { boxOf, LANE_HEIGHT, type Axis, type Row } from "./layout";

export function VisitCard(props: { visit: Visit; workerId: string; axis: Axis; row: Row }): JSX.Element {
  const span = () => ({ from: startOf(props.visit), to: endOf(props.visit) });
  const box = () => boxOf(props.axis, span());
  const height = () => (LANE_HEIGHT - 8) / props.row.rows;
  const times = () => `${clock(span().from, zone())}–${clock(span().to, zone())}`;
  const client = () => displayName(clientOf(props.visit));
  const label = () => [visitTitle(props.visit), client(), m.status[props.visit.status], times()].filter(Boolean).join(", ");
  const movable = () => mayBePlaced(props.visit);
  return (
    <div class="card" role="button" tabindex="0" aria-label={label()} title={label()} data-visit={props.visit.id}
      data-status={props.visit.status} aria-pressed={isChosen("visit", props.visit.id)}
      classList={{
        chosen: isChosen("visit", props.visit.id), movable: movable(), late: isLate(props.visit, now()),
        lifted: drag()?.visit.id === props.visit.id, saving: Boolean(floor.pending[props.visit.id]), touched: Boolean(floor.touched[props.visit.id]),
        slim: props.row.rows > 1, narrow: box().width < 84,
      }}
      style={{
        left: `${box().left}px`, width: `${box().width - 2}px`,
        top: `${4 + props.row.row * height()}px`, height: `${height() - (props.row.rows > 1 ? 2 : 0)}px`,
      }}
      onPointerDown={(event) => grab(event, props.visit, props.workerId)}
      onClick={() => choose({ kind: "visit", id: props.visit.id }, "board")}
      onKeyDown={(event) => event.key === "Enter" && choose({ kind: "visit", id: props.visit.id }, "board")}
      onPointerEnter={() => setHovered({ kind: "visit", id: props.visit.id })}
      onPointerLeave={() => setHovered(null)}>
      <div class="card-line">
        <span class="card-title">{visitTitle(props.visit)}</span>
        <Show when={props.visit.overlapAllowed}>
          <span class="card-flag" title={m.inspector.forced}><Icon name="overlap" size={13} /></span>
        </Show>
      </div>
      <div class="card-sub">
        <Icon name={statusIcon[props.visit.status]} size={13} />
        <span class="card-status">{m.status[props.visit.status]}</span>
        <Show when={client()}><span class="card-client">{client()}</span></Show>
      </div>
      <Show when={floor.touched[props.visit.id]}>{(who) => <span class="card-by">{who()}</span>}</Show>
      <Show when={movable() && span().to <= props.axis.to}>
        <div class="card-edge" title={m.board.resize}
          onPointerDown={(event) => { event.stopPropagation(); grab(event, props.visit, props.workerId, "resize"); }} />
      </Show>
    </div>
  );
}
