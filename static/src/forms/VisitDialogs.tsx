// Assign and move without dragging, and the dialogs that ask for a reason: to
// override a refusal, to cancel, to reopen.
import { createMemo, createSignal, For, onCleanup, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { lengthOf } from "../board/drag";
import { m } from "../messages";
import { assign, clash, closeClash, place, progress } from "../state/actions";
import { clashReasons, type Placing } from "../state/clash";
import { closeDialog } from "../state/dialogs";
import { derived, endOf, floor, now, startOf, visitTitle, workerName, zone } from "../state/floor";
import { hold, release } from "../state/holds";
import { whenWords } from "../state/words";
import { atClock, clock, dateOf, snap, type Span } from "../time";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { createForm, type Faults } from "./form";
import { Buttons, TextField } from "./Fields";
import { VerdictLine, WorkerChoice } from "./WorkerChoice";

export function AssignDialog(props: { visit: Visit }): JSX.Element {
  const [picked, setPicked] = createSignal<string[]>([]);
  const [busy, setBusy] = createSignal(false);
  holdWhileOpen(props.visit.id);
  const span = () => (props.visit.startsAt ? { from: startOf(props.visit), to: endOf(props.visit) } : null);
  const together = () => [...new Set([...props.visit.workerIds, ...picked()])];
  const toggle = (id: string) => setPicked((list) => (list.includes(id) ? list.filter((one) => one !== id) : [...list, id]));
  const send = async () => {
    if (picked().length === 0 || busy()) return;
    setBusy(true);
    await assign(props.visit, picked()).catch(() => false);
    setBusy(false);
    closeDialog();
  };
  return (
    <Dialog title={m.dialog.assignTitle} name="assign" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={busy() || picked().length === 0} label={m.dialog.assignButton} onCancel={closeDialog} />}>
      <p class="dialog-about"><strong>{visitTitle(props.visit)}</strong><span>{whenWords(props.visit)}</span></p>
      <WorkerChoice visit={props.visit} span={span()} chosen={picked()} onToggle={toggle} leftOut={props.visit.workerIds} />
      <VerdictLine visit={props.visit} placing={picked().length ? { workerIds: together() } : null} />
    </Dialog>
  );
}

export function MoveDialog(props: { visit: Visit }): JSX.Element {
  holdWhileOpen(props.visit.id);
  const first = props.visit.startsAt ? startOf(props.visit)
    : derived.date() === derived.today() ? snap(now() + 1_800_000, 15) : atClock(derived.date(), "09:00", zone());
  const form = createForm({ day: dateOf(first, zone()), time: clock(first, zone()), minutes: String(Math.round(lengthOf(props.visit) / 60_000)), workers: [...props.visit.workerIds] },
    ["startsAt", "endsAt"]);
  const v = form.values;
  const start = () => (/^\d{4}-\d{2}-\d{2}$/.test(v.day) && /^\d{2}:\d{2}/.test(v.time) ? atClock(v.day, v.time.slice(0, 5), zone()) : null);
  const span = createMemo<Span | null>(() => {
    const from = start();
    const minutes = Number(v.minutes);
    return from === null || !(minutes > 0) ? null : { from, to: from + minutes * 60_000 };
  });
  const placing = createMemo<Placing | null>(() => {
    const held = span();
    return held && { startsAt: new Date(held.from).toISOString(), endsAt: new Date(held.to).toISOString(), workerIds: [...v.workers] };
  });
  const check = () => {
    const wrong: Faults = {};
    if (start() === null) wrong.startsAt = m.form.badTime;
    if (!(Number(v.minutes) > 0)) wrong.endsAt = m.form.badNumber;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    await place(props.visit, placing()!);
    closeDialog();
  });
  const toggle = (id: string) => form.set("workers", v.workers.includes(id) ? v.workers.filter((one) => one !== id) : [...v.workers, id]);
  return (
    <Dialog title={m.dialog.moveTitle} name="move" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.moveButton} onCancel={closeDialog} />}>
      <p class="dialog-about"><strong>{visitTitle(props.visit)}</strong><span>{whenWords(props.visit)}</span></p>
      <div class="pair three-even">
        <TextField name="day" type="date" label={m.dialog.day} value={v.day} onInput={(x) => form.set("day", x)} fault={form.fault("startsAt")} autofocus />
        <TextField name="time" type="time" label={m.dialog.time} value={v.time} onInput={(x) => form.set("time", x)} />
        <TextField name="endsAt" inputmode="numeric" label={m.dialog.minutes} value={v.minutes} onInput={(x) => form.set("minutes", x)} fault={form.fault("endsAt")} />
      </div>
      <WorkerChoice visit={props.visit} span={span()} chosen={v.workers} onToggle={toggle} />
      <VerdictLine visit={props.visit} placing={placing()} />
    </Dialog>
  );
}

/** The others see that one is deciding about it. */
function holdWhileOpen(visitId: string): void {
  hold(visitId);
  onCleanup(() => release(visitId));
}

export function ReasonDialog(props: { visit: Visit; step: "cancel" | "reopen" }): JSX.Element {
  const [reason, setReason] = createSignal("");
  const [fault, setFault] = createSignal<string>();
  const cancels = () => props.step === "cancel";
  const send = async () => {
    if (!cancels() && !reason().trim()) return void setFault(m.form.needed);
    closeDialog();
    await progress(props.visit, props.step, reason().trim() || undefined);
  };
  return (
    <Dialog title={cancels() ? m.dialog.cancelTitle : m.dialog.reopenTitle} name="reason" onClose={closeDialog} onSubmit={() => void send()}
      footer={<>
        <button type="button" class="ghost" onClick={closeDialog}>{cancels() ? m.dialog.keep : m.dialog.cancel}</button>
        <button type="submit" class={cancels() ? "danger" : "primary"}>{cancels() ? m.dialog.cancelButton : m.dialog.reopenButton}</button>
      </>}>
      <p class="dialog-about"><strong>{visitTitle(props.visit)}</strong><span>{whenWords(props.visit)}</span></p>
      <TextField name="reason" label={m.dialog.reason} value={reason()} onInput={setReason} fault={fault()} autofocus />
    </Dialog>
  );
}

export function ClashDialog(): JSX.Element {
  return <Show when={clash()} keyed>{(held) => {
    const [reason, setReason] = createSignal("");
    const [fault, setFault] = createSignal<string>();
    const reasons = clashReasons(held);
    const send = async () => {
      if (!held.forceable) return closeClash();
      if (!reason().trim()) return void setFault(m.form.needed);
      closeClash();
      await held.again({ reason: reason().trim() });
    };
    const who = () => (held.placing.workerIds ?? held.visit.workerIds).map((id) => workerName(floor.workers[id])).join(", ");
    return (
      <Dialog title={m.conflict.title} name="conflict" onClose={closeClash} onSubmit={() => void send()}
        footer={<>
          <button type="button" class="ghost" onClick={closeClash}>{m.conflict.back}</button>
          <Show when={held.forceable}><button type="submit" class="danger">{m.conflict.anyway}</button></Show>
        </>}>
        <p class="dialog-about"><strong>{visitTitle(held.visit)}</strong><span>{who()}</span></p>
        <ul class="reasons">
          <For each={reasons}>{(text) => <li><Icon name="alert" />{text}</li>}</For>
        </ul>
        <Show when={held.forceable} fallback={<p>{m.conflict.notAllowed}</p>}>
          <TextField name="force" label={m.conflict.reason} hint={m.conflict.reasonHint} value={reason()} onInput={setReason} fault={fault()} autofocus />
        </Show>
      </Dialog>
    );
  }}</Show>;
}
