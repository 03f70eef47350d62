// A visit on a lane: colour, icon and words for its state, as wide as its time.
import { Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { clientOf, displayName, endOf, floor, isLate, now, shownVisit, startOf, visitTitle, zone } from "../state/floor";
import { heldBy } from "../state/holds";
import { choose, isChosen, setHovered } from "../state/selection";
import { clock } from "../time";
import { Icon, statusIcon } from "../ui/Icon";
import { drag, grab, mayDrag } from "./drag";
import { board } from "./lanes";
import { boxOf, LANE_HEIGHT, type Axis, type Row } from "./layout";

interface Props { id: string; workerId: string; axis: Axis; row: Row }

export function VisitCard(props: Props): JSX.Element {
  /** For a moment a lane may still name what has just lost its time. */
  const timed = () => {
    const visit = shownVisit(props.id);
    return visit?.startsAt && visit.endsAt ? visit : undefined;
  };
  return <Show when={timed()}>{(visit) => <Card {...props} visit={visit()} />}</Show>;
}

function Card(props: Props & { visit: Visit }): JSX.Element {
  const span = () => ({ from: startOf(props.visit), to: endOf(props.visit) });
  const box = () => boxOf(props.axis, span());
  const height = () => (LANE_HEIGHT - 8) / props.row.rows;
  const times = () => `${clock(span().from, zone())}–${clock(span().to, zone())}`;
  const client = () => displayName(clientOf(props.visit));
  const late = () => isLate(props.visit, now());
  const proposed = () => Boolean(props.visit.arrivalProposedAt) && (props.visit.status === "scheduled" || props.visit.status === "traveling");
  const label = () => [
    visitTitle(props.visit), client(), m.status[props.visit.status], times(), late() ? m.header.late : "",
    proposed() ? m.arrivals.badge : "", heldBy(props.id) ? m.holds.moving(heldBy(props.id)!) : "",
    props.visit.overlapAllowed ? m.inspector.forced : "",
  ].filter(Boolean).join(", ");
  const movable = () => mayDrag(props.visit);
  return (
    <div class="card" role="gridcell" tabindex={board.isStop(`${props.workerId}/${props.id}`) ? 0 : -1} aria-label={label()} title={label()}
      data-stop={props.workerId} data-visit={props.id} data-status={props.visit.status} aria-selected={isChosen("visit", props.id)}
      classList={{
        chosen: isChosen("visit", props.id), movable: movable(), late: late(),
        lifted: drag()?.visit.id === props.id, saving: Boolean(floor.pending[props.id]), touched: Boolean(floor.touched[props.id]),
        slim: props.row.rows > 1, narrow: box().width < 84, held: Boolean(heldBy(props.id)),
      }}
      style={{
        left: `${box().left}px`, width: `${box().width - 2}px`,
        top: `${4 + props.row.row * height()}px`, height: `${height() - (props.row.rows > 1 ? 2 : 0)}px`,
      }}
      onPointerDown={(event) => grab(event, props.visit, props.workerId)}
      onClick={() => choose({ kind: "visit", id: props.id }, "board")}
      onPointerEnter={() => setHovered({ kind: "visit", id: props.id })}
      onPointerLeave={() => setHovered(null)}>
      <div class="card-line">
        <span class="card-title">{visitTitle(props.visit)}</span>
        <Show when={proposed()}><span class="card-flag proposed"><Icon name="pin" size={13} /></span></Show>
        <Show when={props.visit.overlapAllowed}><span class="card-flag"><Icon name="overlap" size={13} /></span></Show>
      </div>
      <div class="card-sub">
        <Icon name={late() ? "alert" : statusIcon[props.visit.status]} size={13} />
        <span class="card-status">{m.status[props.visit.status]}</span>
        <Show when={client()}><span class="card-client">{client()}</span></Show>
      </div>
      <Show when={heldBy(props.id)} fallback={<Show when={floor.touched[props.id]}>{(who) => <span class="card-by">{who()}</span>}</Show>}>
        {(who) => <span class="card-by" data-held><Icon name="grip" size={11} />{m.holds.moving(who())}</span>}
      </Show>
      <Show when={movable() && span().to <= props.axis.to}>
        <div class="card-edge" title={m.board.resize}
          onPointerDown={(event) => { event.stopPropagation(); grab(event, props.visit, props.workerId, "resize"); }} />
      </Show>
    </div>
  );
}
