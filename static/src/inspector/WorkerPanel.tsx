// A worker in the details: whether he is there and why not, what his phone
// says, when he works, and what he does this day.
import { createMemo, For, Show, type JSX } from "solid-js";
import type { Worker } from "../api/types";
import { TrailPart } from "../map/TrailPart";
import { m } from "../messages";
import { setAvailable } from "../state/availability";
import { open } from "../state/dialogs";
import { initials, laneOf, livePosition, presenceOf, shownVisit, visitTitle, workerName, zone } from "../state/floor";
import { mayDispatch, mayEditTeam } from "../state/may";
import { choose } from "../state/selection";
import { agoOf, hoursWords, presenceWords, spanWords } from "../state/words";
import { dateTime } from "../time";
import { Icon, statusIcon } from "../ui/Icon";
import { Fact } from "./Fact";

export function WorkerPanel(props: { worker: Worker }): JSX.Element {
  const visits = createMemo(() => laneOf(props.worker.id));
  const live = () => livePosition(props.worker.id);
  const hours = () => hoursWords(props.worker.workingHours);
  const available = () => props.worker.available !== false;
  return (
    <div class="inspector-body">
      <div class="inspector-head person-head">
        <span class="avatar big" data-presence={presenceOf(props.worker.id)} aria-hidden="true">{initials(props.worker)}</span>
        <div>
          <h2>{workerName(props.worker)}</h2>
          <p data-presence-words>{presenceWords(live())}</p>
        </div>
      </div>
      <div class="actions">
        <Show when={mayDispatch()}>
          <button type="button" class="quiet" role="switch" aria-checked={available()} data-available
            onClick={() => void setAvailable(props.worker, !available())}>
            <i class="switch" aria-hidden="true" />{m.availability.available}
          </button>
          <button type="button" class="quiet" onClick={() => open({ name: "timeOff", workerId: props.worker.id })}>{m.header.newTimeOff}</button>
        </Show>
        <Show when={mayEditTeam() && props.worker.status !== "inactive"}>
          <button type="button" class="quiet" data-add-phone onClick={() => open({ name: "phone", workerId: props.worker.id })}>{m.phone.add}</button>
        </Show>
        <Show when={props.worker.phone}><a class="button quiet" href={`tel:${props.worker.phone}`}><Icon name="phone" size={14} />{m.inspector.call}</a></Show>
      </div>
      <dl class="facts">
        <Fact icon="pin" label={m.inspector.lastFix}>
          <Show when={live()?.at} fallback={m.map.noFix}>
            {agoOf(live()!.at)}<Show when={live()!.accuracyM != null}>, {m.map.accuracy(Math.round(live()!.accuracyM!))}</Show>
            <Show when={(live()!.speedMps ?? 0) > 1}>, {m.map.speed(Math.round(live()!.speedMps! * 3.6))}</Show>
          </Show>
        </Fact>
        <Show when={live()?.batteryPct != null}>
          <Fact icon="battery" label={m.inspector.battery}>
            <span class="battery" data-low={live()!.batteryPct! <= LOW_BATTERY_PCT ? "" : undefined}>
              <i aria-hidden="true"><b style={{ width: `${Math.max(4, live()!.batteryPct!)}%` }} /></i>{m.inspector.percent(Math.round(live()!.batteryPct!))}
            </span>
          </Fact>
        </Show>
        <Show when={(props.worker.skills ?? []).length > 0}><Fact icon="wrench" label={m.inspector.skills}>{props.worker.skills!.join(", ")}</Fact></Show>
        <Fact icon="clock" label={m.inspector.hours}><For each={hours()} fallback={m.inspector.anyHours}>{(row) => <span class="line">{row}</span>}</For></Fact>
        <Show when={(props.worker.timeOff ?? []).length > 0}>
          <Fact icon="sunbed" label={m.inspector.timeOff}><For each={props.worker.timeOff ?? []}>{(off) => (
            <span class="line">{dateTime(Date.parse(off.startsAt), zone())} – {dateTime(Date.parse(off.endsAt), zone())}{off.reason ? `, ${off.reason}` : ""}</span>
          )}</For></Fact>
        </Show>
        <Show when={props.worker.email}><Fact icon="mail" label={m.inspector.email}><a href={`mailto:${props.worker.email}`}>{props.worker.email}</a></Fact></Show>
      </dl>
      <TrailPart workerId={props.worker.id} />
      <section class="history">
        <h3>{m.inspector.today}</h3>
        <ul class="rows">
          <For each={visits()()} fallback={<li class="dim">{m.inspector.noVisits}</li>}>{(id) => (
            <Show when={shownVisit(id)}>{(visit) => (
              <li><button type="button" class="row-button" onClick={() => choose({ kind: "visit", id }, "inspector")}>
                <span class="dot-icon" data-status={visit().status}><Icon name={statusIcon[visit().status]} size={13} /></span>
                <span>{visitTitle(visit())}<span class="sr-only">, {m.status[visit().status]}</span></span><small>{spanWords(visit())}</small>
              </button></li>
            )}</Show>
          )}</For>
        </ul>
      </section>
    </div>
  );
}
const LOW_BATTERY_PCT = 15;
