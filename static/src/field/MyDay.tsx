// What somebody who is dispatched sees: his own day, visit by visit, with the
// steps that are his to report.
import { createMemo, For, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { stepLabels } from "../inspector/Inspector";
import { m } from "../messages";
import { progress, stepsFrom, type Step } from "../state/actions";
import { clientOf, derived, displayName, floor, isOpen, jobOf, link, loaded, now, shownVisit, startOf, visitTitle } from "../state/floor";
import { setAvailable, setSharing } from "../state/availability";
import { mayReport } from "../state/may";
import { spanWords } from "../state/words";
import { addDays, longDate } from "../time";
import { goToDay, LinkPill, MeMenu } from "../shell/Header";
import { Mark } from "../shell/Mark";
import { OfflineBanner } from "../shell/OfflineBanner";
import { theme, toggleTheme } from "../state/preferences";
import { Icon, statusIcon } from "../ui/Icon";

/** The steps that a worker reports himself; cancelling and reopening are the office's. */
const HIS: Step[] = ["start-travel", "arrive", "start", "pause", "complete", "no-access"];

export function MyDay(): JSX.Element {
  const ids = createMemo(() => derived.ofDay().slice().sort((a, b) => startOf(a) - startOf(b)).map((visit) => visit.id));
  const open = () => ids().filter((id) => { const visit = shownVisit(id); return visit && isOpen(visit); });
  const next = createMemo(() => open()[0]);
  const me = () => (floor.me ? floor.workers[floor.me.id] : undefined);
  const step = (days: number) => goToDay(addDays(derived.date(), days));
  return (
    <div class="console my-day" data-loaded={loaded()} data-link={link()}>
      <header class="top">
        <div class="brand" title={floor.account?.name}><Mark size={26} /><span class="brand-name">{floor.account?.name ?? m.product}</span></div>
        <span class="spacer" />
        <LinkPill />
        <button type="button" class="ghost square" aria-label={theme() === "dark" ? m.header.toLight : m.header.toDark} onClick={toggleTheme}><Icon name={theme() === "dark" ? "sun" : "moon"} /></button>
        <MeMenu />
      </header>
      <OfflineBanner />
      <main class="my-day-main">
        <div class="my-day-head">
          <div>
            <h1>{m.myDay.title}</h1>
            <p>{longDate(derived.date())} · {m.myDay.lead(ids().length)}</p>
          </div>
          <div class="dates" role="group" aria-label={m.header.pickDate}>
            <button type="button" class="quiet square" aria-label={m.header.previousDay} onClick={() => step(-1)}><Icon name="left" /></button>
            <button type="button" class="quiet" disabled={derived.date() === derived.today()} onClick={() => goToDay(derived.today())}>{m.header.today}</button>
            <button type="button" class="quiet square" aria-label={m.header.nextDay} onClick={() => step(1)}><Icon name="right" /></button>
          </div>
        </div>
        <Show when={me()}>{(worker) => (
          <div class="my-words">
            <button type="button" class="quiet" role="switch" aria-checked={worker().available !== false} disabled={!mayReport()} data-available
              onClick={() => void setAvailable(worker(), worker().available === false)}><i class="switch" aria-hidden="true" />{m.availability.mine}</button>
            <button type="button" class="quiet" role="switch" aria-checked={worker().trackingConsent !== false} disabled={!mayReport()} data-sharing
              onClick={() => void setSharing(worker(), worker().trackingConsent === false)}><i class="switch" aria-hidden="true" />{m.availability.share}</button>
          </div>
        )}</Show>
        <Show when={floor.me?.role !== "limitedWorker"} fallback={<p class="note">{m.myDay.limited}</p>}>
          <Show when={!loaded() || ids().length > 0} fallback={<p class="my-day-empty"><Icon name="check" size={22} />{m.myDay.empty}</p>}>
            <ol class="my-visits">
              <For each={ids()}>{(id) => <Show when={shownVisit(id)}>{(visit) => <MyVisit visit={visit()} next={next() === id} />}</Show>}</For>
            </ol>
          </Show>
        </Show>
      </main>
    </div>
  );
}

function MyVisit(props: { visit: Visit; next: boolean }): JSX.Element {
  const client = () => clientOf(props.visit);
  const property = () => client()?.properties?.find((one) => one.id === jobOf(props.visit)?.propertyId) ?? client()?.properties?.[0];
  const address = () => {
    const held = property()?.address;
    return held ? [held.street, [held.postalCode, held.city].filter(Boolean).join(" ")].filter(Boolean).join(", ") : "";
  };
  const steps = () => (mayReport() ? stepsFrom(props.visit).filter((step) => HIS.includes(step)) : []);
  const busy = () => Boolean(floor.pending[props.visit.id]);
  const label = (step: Step) => (step === "start" && props.visit.status === "paused" ? m.act.resume : stepLabels[step]);
  const late = () => props.visit.status === "scheduled" && startOf(props.visit) < now();
  return (
    <li class="my-visit" data-visit={props.visit.id} data-status={props.visit.status} classList={{ next: props.next, closed: !isOpen(props.visit) }}>
      <div class="item-top">
        <span class="chip" data-status={props.visit.status}><Icon name={statusIcon[props.visit.status]} size={13} />{m.status[props.visit.status]}</span>
        <span class="item-time" classList={{ late: late() }}>{spanWords(props.visit)}</span>
      </div>
      <h2>{visitTitle(props.visit)}</h2>
      <Show when={displayName(client())}><p>{displayName(client())}</p></Show>
      <Show when={address()}><p><Icon name="pin" size={14} />{address()}</p></Show>
      <div class="actions">
        <For each={steps()}>{(step, index) => (
          <button type="button" class={index() === 0 ? "primary" : "quiet"} data-step={step} disabled={busy()}
            aria-label={m.myDay.confirm(label(step), visitTitle(props.visit))} onClick={() => void progress(props.visit, step)}>{label(step)}</button>
        )}</For>
        <Show when={props.visit.location && isOpen(props.visit)}>
          <a class="button quiet" href={`geo:${props.visit.location!.lat},${props.visit.location!.lng}`} aria-label={`${m.myDay.directions}: ${visitTitle(props.visit)}`}><Icon name="route" size={14} />{m.myDay.directions}</a>
        </Show>
        <Show when={client()?.phone}><a class="button quiet" href={`tel:${client()!.phone}`} aria-label={`${m.inspector.call}: ${displayName(client())}`}><Icon name="phone" size={14} />{m.inspector.call}</a></Show>
      </div>
    </li>
  );
}
