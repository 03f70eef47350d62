// Time off for a worker; visits it now covers are listed afterwards, since
// nobody moves them by themselves.
import { For, type JSX } from "solid-js";
import { post } from "../api/http";
import { m } from "../messages";
import { closeDialog, open } from "../state/dialogs";
import { derived, floor, visitTitle, workerName, zone } from "../state/floor";
import { say } from "../state/notices";
import { choose } from "../state/selection";
import { refreshRosterSoon } from "../state/sync";
import { whenWords } from "../state/words";
import { atClock, fromInput, toInput } from "../time";
import { Dialog } from "../ui/Dialog";
import { Icon, statusIcon } from "../ui/Icon";
import { createForm, filled, type Faults } from "./form";
import { Buttons, FormFault, PickField, TextField } from "./Fields";

export function TimeOffForm(props: { workerId?: string }): JSX.Element {
  const form = createForm(
    { workerId: props.workerId ?? "", start: toInput(atClock(derived.date(), "08:00", zone()), zone()),
      end: toInput(atClock(derived.date(), "17:00", zone()), zone()), reason: "" },
    ["workerId", "startsAt", "endsAt", "reason"],
  );
  const v = form.values;
  const check = () => {
    const wrong: Faults = {};
    const from = fromInput(v.start, zone());
    const to = fromInput(v.end, zone());
    if (!v.workerId) wrong.workerId = m.form.needed;
    if (from === null) wrong.startsAt = m.form.badTime;
    if (to === null) wrong.endsAt = m.form.badTime;
    else if (from !== null && to <= from) wrong.endsAt = m.form.endBeforeStart;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    const answer = await post(`/workers/${v.workerId}/time-off`, "timeOff", {
      startsAt: new Date(fromInput(v.start, zone())!).toISOString(), endsAt: new Date(fromInput(v.end, zone())!).toISOString(),
      ...filled({ reason: v.reason.trim() }),
    });
    refreshRosterSoon();
    const affected = idsIn(answer.meta?.affected);
    if (affected.length) return void open({ name: "affected", visitIds: affected });
    say(m.said.saved);
    closeDialog();
  });
  return (
    <Dialog title={m.form.timeOffTitle} name="timeOff" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.save} onCancel={closeDialog} />}>
      <FormFault form={form} />
      <div class="stack">
        <PickField name="workerId" label={m.form.worker} value={v.workerId} onPick={(x) => form.set("workerId", x)} placeholder={m.form.chooseWorker}
          options={derived.workers().map((one) => ({ value: one.id, label: workerName(one) }))} fault={form.fault("workerId")} autofocus={!props.workerId} />
        <div class="pair">
          <TextField name="startsAt" type="datetime-local" label={m.form.start} value={v.start} onInput={(x) => form.set("start", x)} fault={form.fault("startsAt")} />
          <TextField name="endsAt" type="datetime-local" label={m.form.end} value={v.end} onInput={(x) => form.set("end", x)} fault={form.fault("endsAt")} />
        </div>
        <TextField name="reason" label={m.form.reason} hint={m.form.reasonHint} value={v.reason} onInput={(x) => form.set("reason", x)} fault={form.fault("reason")} />
      </div>
    </Dialog>
  );
}

function idsIn(affected: unknown): string[] {
  if (!Array.isArray(affected)) return [];
  return affected.map((one) => (typeof one === "string" ? one : String((one as { id?: string; visitId?: string }).id ?? (one as { visitId?: string }).visitId)));
}

export function AffectedDialog(props: { visitIds: string[] }): JSX.Element {
  const go = (id: string) => {
    closeDialog();
    choose({ kind: "visit", id }, "search");
  };
  return (
    <Dialog title={m.said.affected(props.visitIds.length)} name="affected" onClose={closeDialog}
      footer={<button type="button" class="primary" onClick={closeDialog}>{m.dialog.close}</button>}>
      <p>{m.said.affectedHint}</p>
      <ul class="rows">
        <For each={props.visitIds}>{(id) => {
          const visit = () => floor.visits[id];
          return (
            <li><button type="button" class="row-button" onClick={() => go(id)}>
              <Icon name={statusIcon[visit()?.status ?? "scheduled"]} />
              <span>{visit() ? visitTitle(visit()) : id}</span><small>{visit() ? whenWords(visit()!) : ""}</small>
            </button></li>
          );
        }}</For>
      </ul>
    </Dialog>
  );
}
