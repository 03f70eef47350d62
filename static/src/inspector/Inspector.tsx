// Details of what is chosen, and what can be done with it.
import { createEffect, createMemo, For, Match, on, Show, Switch, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { m } from "../messages";
import { progress, stepsFrom, unassign, type Step } from "../state/actions";
import { open } from "../state/dialogs";
import { clientOf, displayName, floor, jobOf, mayBePlaced, shownVisit, visitTitle, workerName, zone } from "../state/floor";
import { chosen, choose } from "../state/selection";
import { heldBy } from "../state/holds";
import { mayDispatch, mayReport } from "../state/may";
import { loadClient } from "../state/sync";
import { actorWords, fenceWords, whenWords } from "../state/words";
import { ArrivalNote } from "../shell/Arrivals";
import { clock, dateTime } from "../time";
import { Icon, statusIcon } from "../ui/Icon";
import { Fact } from "./Fact";
import { WorkerPanel } from "./WorkerPanel";

export function Inspector(): JSX.Element {
  const visit = createMemo(() => {
    const held = chosen();
    return held?.kind === "visit" ? shownVisit(held.id) : undefined;
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

export const stepLabels: Record<Step, string> = {
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
      <Show when={heldBy(props.visit.id)}>{(who) => <p class="note"><Icon name="grip" size={15} />{m.holds.moving(who())}</p>}</Show>
      <Show when={props.visit.arrivalProposedAt && (props.visit.status === "scheduled" || props.visit.status === "traveling")}><ArrivalNote visit={props.visit} /></Show>
      <div class="actions">
        <Show when={mayBePlaced(props.visit) && mayDispatch()}>
          <button type="button" class={props.visit.workerIds.length ? "quiet" : "primary"} disabled={busy()} onClick={() => open({ name: "assign", visitId: props.visit.id })}>{m.act.assign}</button>
          <button type="button" class="quiet" disabled={busy()} onClick={() => open({ name: "move", visitId: props.visit.id })}>{m.act.move}</button>
        </Show>
        <For each={mayReport() ? stepsFrom(props.visit) : []}>{(step, index) => (
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
              <Show when={mayDispatch() && (mayBePlaced(props.visit) || props.visit.status === "traveling")}>
                <button type="button" class="ghost tiny" aria-label={`${m.act.unassign}: ${workerName(floor.workers[id])}`} title={m.act.unassign} onClick={() => void unassign(props.visit, [id])}><Icon name="cross" size={12} /></button>
              </Show>
            </span>
          )}</For>
        </Fact>
        <Show when={address() || property()?.name}><Fact icon="pin" label={m.inspector.where}>
          {address() || property()?.name}
          <Show when={mayDispatch() && job() && property()?.location}>
            <button type="button" class="link line" data-fence onClick={() => open({ name: "fence", clientId: job()!.clientId, propertyId: property()!.id })}>{fenceWords(property()!.geofence)} · {m.fence.edit}</button>
          </Show>
        </Fact></Show>
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
        <For each={entries()} fallback={<li class="dim">{m.inspector.noHistory}</li>}>{(entry) => {
          const happened = () => Date.parse(entry.occurredAt ?? entry.at);
          const heardLater = () => Date.parse(entry.at) - happened() >= HEARD_LATER_MS;
          return (
            <li>
              <span>{m.events[entry.type] ?? entry.type}<small>{[actorWords(entry.actor), entry.reason].filter(Boolean).join(" · ")}</small></span>
              <span class="history-when">
                <time datetime={new Date(happened()).toISOString()}>{dateTime(happened(), zone())}</time>
                <Show when={heardLater()}><small>{m.inspector.heard(clock(Date.parse(entry.at), zone()))}</small></Show>
              </span>
            </li>
          );
        }}</For>
      </ol>
    </section>
  );
}
/** A report that reached the server later than this was on its way, not just slow. */
const HEARD_LATER_MS = 60_000;
