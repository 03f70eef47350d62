// Assign and move without dragging, and the dialogs that ask for a reason: to
// override a refusal, to cancel, to reopen.
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { Visit } from "../api/types";
import { lengthOf, misfitWords } from "../board/drag";
import { misfits } from "../board/fit";
import { m } from "../messages";
import { assign, clash, clashReasons, closeClash, place, progress } from "../state/actions";
import { closeDialog } from "../state/dialogs";
import { derived, endOf, floor, now, startOf, visitTitle, workerName, zone } from "../state/floor";
import { whenWords } from "../state/words";
import { atClock, fromInput, snap, toInput, type Span } from "../time";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { createForm, type Faults } from "./form";
import { Buttons, TextField } from "./Fields";

/** Everybody, those who fit first, with what would be in the way. */
function WorkerChoice(props: { visit: Visit; span: Span | null; chosen: string[]; onToggle: (id: string) => void; single?: boolean }): JSX.Element {
  const [filter, setFilter] = createSignal("");
  const rows = createMemo(() => derived.workers()
    .filter((worker) => worker.status !== "inactive" && workerName(worker).toLowerCase().includes(filter().toLowerCase()))
    .map((worker) => ({
      worker,
      wrong: props.span ? misfits(props.visit, worker, props.span, derived.byWorker().get(worker.id) ?? [], zone()) : [],
    }))
    .sort((a, b) => a.wrong.length - b.wrong.length));
  return (
    <fieldset class="choice">
      <legend>{m.dialog.workers}</legend>
      <input type="search" placeholder={m.dialog.findWorker} aria-label={m.dialog.findWorker} value={filter()} data-autofocus=""
        onInput={(event) => setFilter(event.currentTarget.value)} />
      <div class="choice-list">
        <For each={rows()} fallback={<p class="hint">{m.header.nothingFound}</p>}>{(row) => (
          <label class="choice-row">
            <input type={props.single ? "radio" : "checkbox"} name="worker" value={row.worker.id} checked={props.chosen.includes(row.worker.id)}
              onChange={() => props.onToggle(row.worker.id)} />
            <span class="choice-name">{workerName(row.worker)}</span>
            <Show when={row.wrong.length > 0} fallback={<span class="choice-free"><Icon name="check" size={13} />{m.dialog.free}</span>}>
              <span class="choice-wrong"><Icon name="alert" size={13} />{row.wrong.map((one) => misfitWords(one, row.worker.id)).join(" ")}</span>
            </Show>
          </label>
        )}</For>
      </div>
    </fieldset>
  );
}

export function AssignDialog(props: { visit: Visit }): JSX.Element {
  const [picked, setPicked] = createSignal<string[]>([]);
  const [busy, setBusy] = createSignal(false);
  const span = () => (props.visit.startsAt ? { from: startOf(props.visit), to: endOf(props.visit) } : null);
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
      <WorkerChoice visit={props.visit} span={span()} chosen={picked()} onToggle={toggle} />
    </Dialog>
  );
}

export function MoveDialog(props: { visit: Visit }): JSX.Element {
  const first = props.visit.startsAt ? startOf(props.visit)
    : derived.date() === derived.today() ? snap(now() + 1_800_000, 15) : atClock(derived.date(), "09:00", zone());
  const form = createForm({ start: toInput(first, zone()), minutes: String(Math.round(lengthOf(props.visit) / 60_000)), workers: [...props.visit.workerIds] },
    ["startsAt", "endsAt"]);
  const v = form.values;
  const span = createMemo<Span | null>(() => {
    const from = fromInput(v.start, zone());
    const minutes = Number(v.minutes);
    return from === null || !(minutes > 0) ? null : { from, to: from + minutes * 60_000 };
  });
  const check = () => {
    const wrong: Faults = {};
    if (fromInput(v.start, zone()) === null) wrong.startsAt = m.form.badTime;
    if (!(Number(v.minutes) > 0)) wrong.endsAt = m.form.badNumber;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    const { from, to } = span()!;
    await place(props.visit, { startsAt: new Date(from).toISOString(), endsAt: new Date(to).toISOString(), workerIds: [...v.workers] });
    closeDialog();
  });
  const toggle = (id: string) => form.set("workers", v.workers.includes(id) ? v.workers.filter((one) => one !== id) : [...v.workers, id]);
  return (
    <Dialog title={m.dialog.moveTitle} name="move" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.moveButton} onCancel={closeDialog} />}>
      <p class="dialog-about"><strong>{visitTitle(props.visit)}</strong><span>{whenWords(props.visit)}</span></p>
      <div class="pair">
        <TextField name="startsAt" type="datetime-local" label={m.dialog.start} value={v.start} onInput={(x) => form.set("start", x)} fault={form.fault("startsAt")} autofocus />
        <TextField name="endsAt" inputmode="numeric" label={m.dialog.minutes} value={v.minutes} onInput={(x) => form.set("minutes", x)} fault={form.fault("endsAt")} />
      </div>
      <WorkerChoice visit={props.visit} span={span()} chosen={v.workers} onToggle={toggle} />
    </Dialog>
  );
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
