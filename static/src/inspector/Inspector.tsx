// Details of what is chosen, and what can be done with it.
import { createEffect, createMemo, For, Match, on, Show, Switch, type JSX } from "solid-js";
import type { Visit, Worker } from "../api/types";
import { m } from "../messages";
import { progress, stepsFrom, unassign, type Step } from "../state/actions";
import { open } from "../state/dialogs";
import { clientOf, derived, displayName, floor, initials, jobOf, livePosition, mayBePlaced, presenceOf, shown, startOf, visitTitle, workerName, zone } from "../state/floor";
import { chosen, choose } from "../state/selection";
import { loadClient } from "../state/sync";
import { actorWords, fixWords, hoursWords, spanWords, whenWords } from "../state/words";
import { dateTime } from "../time";
import { Icon, statusIcon, type IconName } from "../ui/Icon";

export function Inspector(): JSX.Element {
  const visit = createMemo(() => {
    const held = chosen();
    const found = held?.kind === "visit" ? floor.visits[held.id] : undefined;
    return found ? shown(found) : undefined;
  });
  const worker = createMemo(() => (chosen()?.kind === "worker" ? floor.workers[chosen()!.id] : undefined));
  return (
    <aside class="inspector panel" aria-label={visit() ? m.inspector.visit : m.inspector.worker}>
      <button type="button" class="ghost square inspector-close" aria-label={m.inspector.close} onClick={() => choose(null, "inspector")}><Icon name="cross" /></button>
      <Switch>
        <Match when={visit()}>{(held) => <VisitPanel visit={held()} />}</Match>
        <Match when={worker()}>{(held) => <WorkerPanel worker={held()} />}</Match>
      </Switch>
    </aside>
  );
}

function Fact(props: { icon: IconName; label: string; children: JSX.Element }): JSX.Element {
  return <div class="fact"><dt><Icon name={props.icon} size={15} /><span>{props.label}</span></dt><dd>{props.children}</dd></div>;
}

const stepLabels: Record<Step, string> = {
  "start-travel": m.act.startTravel, arrive: m.act.arrive, start: m.act.start, pause: m.act.pause,
  complete: m.act.complete, "no-access": m.act.noAccess, cancel: m.act.cancel, reopen: m.act.reopen,
};

function VisitPanel(props: { visit: Visit }): JSX.Element {
  const job = () => jobOf(props.visit);
  const client = () => clientOf(props.visit);
  const property = () => client()?.properties?.find((one) => one.id === job()?.propertyId) ?? (client()?.properties?.length === 1 ? client()!.properties![0] : undefined);
  const address = () => {
    const held = property()?.address;
    return held ? [held.street, [held.postalCode, held.city].filter(Boolean).join(" ")].filter(Boolean).join(", ") : "";
  };
  createEffect(on(() => job()?.clientId, (id) => {
    if (id && !floor.clients[id]?.properties) void loadClient(id).catch(() => undefined);
  }));
  const busy = () => Boolean(floor.pending[props.visit.id]);
  const label = (step: Step) => (step === "start" && props.visit.status === "paused" ? m.act.resume : stepLabels[step]);
  const take = (step: Step) => {
    if (step === "cancel" || step === "reopen") open({ name: "reason", visitId: props.visit.id, step });
    else void progress(props.visit, step);
  };
  return (
    <div class="inspector-body">
      <div class="inspector-head">
        <span class="chip" data-status={props.visit.status}><Icon name={statusIcon[props.visit.status]} size={13} />{m.status[props.visit.status]}</span>
        <Show when={props.visit.overlapAllowed}><span class="chip" data-status="paused"><Icon name="overlap" size={13} />{m.inspector.forced}</span></Show>
        <h2>{visitTitle(props.visit)}</h2>
        <p>{[displayName(client()), job() ? m.inspector.jobNumber(job()!.number) : ""].filter(Boolean).join(" · ")}</p>
      </div>
      <div class="actions">
        <Show when={mayBePlaced(props.visit)}>
          <button type="button" class="primary" disabled={busy()} onClick={() => open({ name: "assign", visitId: props.visit.id })}>{m.act.assign}</button>
          <button type="button" class="quiet" disabled={busy()} onClick={() => open({ name: "move", visitId: props.visit.id })}>{m.act.move}</button>
        </Show>
        <For each={stepsFrom(props.visit)}>{(step, index) => (
          <button type="button" data-step={step} disabled={busy()} onClick={() => take(step)}
            class={!mayBePlaced(props.visit) && index() === 0 ? "primary" : step === "cancel" ? "quiet subdued" : "quiet"}>{label(step)}</button>
        )}</For>
      </div>
      <dl class="facts">
        <Fact icon="clock" label={m.inspector.when}>{whenWords(props.visit)}</Fact>
        <Fact icon="user" label={m.inspector.who}>
          <For each={props.visit.workerIds} fallback={<span class="dim">{m.inspector.nobody}</span>}>{(id) => (
            <span class="person">
              <button type="button" class="link" onClick={() => choose({ kind: "worker", id }, "inspector")}>{workerName(floor.workers[id]) || "…"}</button>
              <Show when={mayBePlaced(props.visit) || props.visit.status === "traveling"}>
                <button type="button" class="ghost tiny" aria-label={`${m.act.unassign}: ${workerName(floor.workers[id])}`} title={m.act.unassign} onClick={() => void unassign(props.visit, [id])}><Icon name="cross" size={12} /></button>
              </Show>
            </span>
          )}</For>
        </Fact>
        <Show when={address() || property()?.name}><Fact icon="pin" label={m.inspector.where}>{address() || property()?.name}</Fact></Show>
        <Show when={client()?.phone}><Fact icon="phone" label={m.inspector.phone}><a href={`tel:${client()!.phone}`}>{client()!.phone}</a></Fact></Show>
        <Show when={client()?.email}><Fact icon="mail" label={m.inspector.email}><a href={`mailto:${client()!.email}`}>{client()!.email}</a></Fact></Show>
        <Show when={(props.visit.requiredSkills ?? []).length > 0}><Fact icon="wrench" label={m.inspector.skills}>{props.visit.requiredSkills!.join(", ")}</Fact></Show>
        <Show when={props.visit.priority}><Fact icon="flag" label={m.inspector.priority}>{m.form.priorities[props.visit.priority!] ?? props.visit.priority}</Fact></Show>
      </dl>
      <History visitId={props.visit.id} />
    </div>
  );
}

function History(props: { visitId: string }): JSX.Element {
  const entries = () => [...(floor.history[props.visitId] ?? [])].sort((a, b) => b.seq - a.seq);
  return (
    <section class="history">
      <h3>{m.inspector.history}</h3>
      <ol>
        <For each={entries()} fallback={<li class="dim">{m.inspector.noHistory}</li>}>{(entry) => (
          <li><span>{m.events[entry.type] ?? entry.type}<small>{[actorWords(entry.actor), entry.reason].filter(Boolean).join(" · ")}</small></span><time datetime={entry.at}>{dateTime(Date.parse(entry.at), zone())}</time></li>
        )}</For>
      </ol>
    </section>
  );
}

function WorkerPanel(props: { worker: Worker }): JSX.Element {
  const visits = () => [...(derived.byWorker().get(props.worker.id) ?? [])].sort((a, b) => startOf(a) - startOf(b));
  const live = () => livePosition(props.worker.id);
  const hours = () => hoursWords(props.worker.workingHours);
  return (
    <div class="inspector-body">
      <div class="inspector-head person-head">
        <span class="avatar big" data-presence={presenceOf(props.worker.id)} aria-hidden="true">{initials(props.worker)}</span>
        <div>
          <h2>{workerName(props.worker)}</h2>
          <p>{live()?.onShift === false ? m.board.offShift : m.presence[presenceOf(props.worker.id)]}</p>
        </div>
      </div>
      <div class="actions">
        <button type="button" class="quiet" onClick={() => open({ name: "timeOff", workerId: props.worker.id })}>{m.header.newTimeOff}</button>
        <Show when={props.worker.phone}><a class="button quiet" href={`tel:${props.worker.phone}`}><Icon name="phone" size={14} />{m.inspector.call}</a></Show>
      </div>
      <dl class="facts">
        <Fact icon="pin" label={m.inspector.position}>{fixWords(live())}</Fact>
        <Show when={(props.worker.skills ?? []).length > 0}><Fact icon="wrench" label={m.inspector.skills}>{props.worker.skills!.join(", ")}</Fact></Show>
        <Fact icon="clock" label={m.inspector.hours}><For each={hours()} fallback={m.inspector.anyHours}>{(row) => <span class="line">{row}</span>}</For></Fact>
        <Show when={(props.worker.timeOff ?? []).length > 0}>
          <Fact icon="sunbed" label={m.inspector.timeOff}><For each={props.worker.timeOff ?? []}>{(off) => (
            <span class="line">{dateTime(Date.parse(off.startsAt), zone())} – {dateTime(Date.parse(off.endsAt), zone())}{off.reason ? `, ${off.reason}` : ""}</span>
          )}</For></Fact>
        </Show>
        <Show when={props.worker.email}><Fact icon="mail" label={m.inspector.email}><a href={`mailto:${props.worker.email}`}>{props.worker.email}</a></Fact></Show>
      </dl>
      <section class="history">
        <h3>{m.inspector.today}</h3>
        <ul class="rows">
          <For each={visits()} fallback={<li class="dim">{m.inspector.noVisits}</li>}>{(visit) => (
            <li><button type="button" class="row-button" onClick={() => choose({ kind: "visit", id: visit.id }, "inspector")}>
              <span class="dot-icon" data-status={visit.status}><Icon name={statusIcon[visit.status]} size={13} /></span><span>{visitTitle(visit)}</span><small>{spanWords(visit)}</small>
            </button></li>
          )}</For>
        </ul>
      </section>
    </div>
  );
}
