// Arrivals that a fence noticed and nobody has confirmed: a tray in the bar,
// and a note in the details. One tap confirms, one puts it aside.
import { createEffect, For, on, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { progress } from "../state/actions";
import { dismissArrival } from "../state/arrivals";
import { derived, floor, visitTitle, workerName, zone } from "../state/floor";
import { mayDispatch } from "../state/may";
import { announce } from "../state/notices";
import { choose } from "../state/selection";
import { clock } from "../time";
import { Icon } from "../ui/Icon";
import { Popover } from "../ui/Popover";

function line(visit: Visit): string {
  const who = visit.arrivalProposedBy ?? visit.workerIds[0];
  return m.arrivals.line((who && workerName(floor.workers[who])) || m.arrivals.somebody, clock(Date.parse(visit.arrivalProposedAt!), zone()));
}

export function ArrivalsTray(): JSX.Element {
  createEffect(on(() => derived.proposed().length, (next, before) => {
    if (before !== undefined && next > before) announce(m.arrivals.count(next));
  }));
  return (
    <Show when={derived.proposed().length > 0}>
      <Popover class="tray" label={m.arrivals.count(derived.proposed().length)} title={m.arrivals.title}
        button={<><Icon name="pin" /><b>{derived.proposed().length}</b></>}>{(close) => (
        <ul class="tray-list">
          <For each={derived.proposed()}>{(visit) => (
            <li>
              <button type="button" class="link" onClick={() => { close(); choose({ kind: "visit", id: visit.id }, "search"); }}>{visitTitle(visit)}</button>
              <ArrivalNote visit={visit} bare />
            </li>
          )}</For>
        </ul>
      )}</Popover>
    </Show>
  );
}

export function ArrivalNote(props: { visit: Visit; bare?: boolean }): JSX.Element {
  const busy = () => Boolean(floor.pending[props.visit.id]);
  return (
    <div class="arrival" classList={{ note: !props.bare }} data-arrival={props.visit.id}>
      <p>{line(props.visit)}</p>
      <Show when={mayDispatch()}>
        <div class="actions">
          <button type="button" class="primary" disabled={busy()} aria-label={m.arrivals.acceptLabel(visitTitle(props.visit))} data-accept
            onClick={() => void progress(props.visit, "arrive", undefined, props.visit.arrivalProposedAt!)}><Icon name="check" size={14} />{m.arrivals.accept}</button>
          <button type="button" class="quiet" disabled={busy()} aria-label={m.arrivals.dismissLabel(visitTitle(props.visit))} data-dismiss
            onClick={() => void dismissArrival(props.visit)}>{m.arrivals.dismiss}</button>
        </div>
      </Show>
    </div>
  );
}
