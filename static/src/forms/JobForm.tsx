// A new job for a client, with one visit: at a time, or waiting for one.
import { createMemo, createResource, Show, type JSX } from "solid-js";
import { post } from "../api/http";
import { flat, type Job, type JobAttributes, type Resource } from "../api/types";
import { m } from "../messages";
import { closeDialog, open } from "../state/dialogs";
import { derived, displayName, floor, now, setFloor, zone } from "../state/floor";
import { say } from "../state/notices";
import { choose } from "../state/selection";
import { loadClient, loadClients, putJob, takeIncluded } from "../state/sync";
import { atClock, fromInput, snap, toInput } from "../time";
import { Dialog } from "../ui/Dialog";
import { createForm, filled, listOf, type Faults } from "./form";
import { Buttons, FormFault, PickField, SelectField, TextField } from "./Fields";

const HOUR_MS = 3_600_000;

export function JobForm(props: { clientId?: string }): JSX.Element {
  const start = derived.date() === derived.today() ? snap(now() + HOUR_MS, 30) : atClock(derived.date(), "09:00", zone());
  const form = createForm(
    { clientId: props.clientId ?? "", propertyId: "", title: "", skills: "", priority: "3", timed: true,
      start: toInput(start, zone()), end: toInput(start + HOUR_MS, zone()) },
    ["clientId", "propertyId", "title", "requiredSkills", "priority", "visits/0/startsAt", "visits/0/endsAt"],
  );
  const v = form.values;
  const [clients] = createResource(loadClients);
  // A list may leave the properties out; the client itself has them.
  const [detailed] = createResource(() => v.clientId || null, loadClient);
  const options = createMemo(() => (clients() ?? []).map((one) => ({ value: one.id, label: displayName(one), note: one.email ?? "" })));
  const properties = createMemo(() => detailed()?.properties ?? clients()?.find((one) => one.id === v.clientId)?.properties ?? []);

  const check = () => {
    const wrong: Faults = {};
    if (!v.clientId) wrong.clientId = m.form.needed;
    if (!v.title.trim()) wrong.title = m.form.needed;
    if (!v.timed) return wrong;
    const from = fromInput(v.start, zone());
    const to = fromInput(v.end, zone());
    if (from === null) wrong["visits/0/startsAt"] = m.form.badTime;
    if (to === null) wrong["visits/0/endsAt"] = m.form.badTime;
    else if (from !== null && to <= from) wrong["visits/0/endsAt"] = m.form.endBeforeStart;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    const skills = listOf(v.skills);
    const visit = v.timed
      ? { startsAt: new Date(fromInput(v.start, zone())!).toISOString(), endsAt: new Date(fromInput(v.end, zone())!).toISOString() } : {};
    const answer = await post<Resource<JobAttributes>>("/jobs", "job", {
      title: v.title.trim(), clientId: v.clientId, priority: Number(v.priority), ...filled({ propertyId: v.propertyId }),
      ...(skills.length ? { requiredSkills: skills } : {}), visits: [visit],
    });
    const job = flat(answer.data) as Job;
    putJob(job);
    const client = clients()?.find((one) => one.id === job.clientId);
    if (client && !floor.clients[client.id]) setFloor("clients", client.id, client);
    takeIncluded(answer.included);
    say(m.said.created(`${m.inspector.jobNumber(job.number)}, ${job.title}`));
    closeDialog();
    const first = answer.included?.find((one) => one.type === "visit");
    if (first) choose({ kind: "visit", id: first.id }, "search");
  });
  const moveStart = (next: string) => {
    const before = fromInput(v.start, zone());
    const end = fromInput(v.end, zone());
    const after = fromInput(next, zone());
    form.set("start", next);
    if (before !== null && end !== null && after !== null) form.set("end", toInput(after + (end - before), zone()));
  };
  return (
    <Dialog title={m.form.jobTitle} name="job" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.create} onCancel={closeDialog} />}>
      <FormFault form={form} />
      <div class="stack">
        <div class="with-button">
          <PickField name="clientId" label={m.form.client} value={v.clientId} onPick={(x) => { form.set("clientId", x); form.set("propertyId", ""); }}
            options={options()} fault={form.fault("clientId")} placeholder={m.form.findClient} autofocus
            hint={clients() && options().length === 0 ? m.form.noClients : undefined} />
          <button type="button" class="quiet" onClick={() => open({ name: "client" })}>{m.header.newClient}</button>
        </div>
        <Show when={properties().length > 1}>
          <SelectField name="propertyId" label={m.form.property} value={v.propertyId} onInput={(x) => form.set("propertyId", x)} fault={form.fault("propertyId")}
            placeholder="—" options={properties().map((one) => ({ value: one.id, label: [one.name, one.address?.street, one.address?.city].filter(Boolean).join(", ") }))} />
        </Show>
        <TextField name="title" label={m.form.title} value={v.title} onInput={(x) => form.set("title", x)} fault={form.fault("title")} />
        <div class="pair">
          <TextField name="requiredSkills" label={m.form.skills} value={v.skills} onInput={(x) => form.set("skills", x)} fault={form.fault("requiredSkills")} hint={m.form.skillsHint} />
          <SelectField name="priority" label={m.form.priority} value={v.priority} onInput={(x) => form.set("priority", x)} fault={form.fault("priority")}
            options={[1, 2, 3, 4, 5].map((n) => ({ value: String(n), label: m.form.priorities[n]! }))} />
        </div>
        <label class="check"><input type="checkbox" name="timed" checked={v.timed} onChange={(event) => form.set("timed", event.currentTarget.checked)} />{m.form.withTime}</label>
        <Show when={v.timed}>
          <div class="pair">
            <TextField name="visits/0/startsAt" type="datetime-local" label={m.form.start} value={v.start} onInput={moveStart} fault={form.fault("visits/0/startsAt")} />
            <TextField name="visits/0/endsAt" type="datetime-local" label={m.form.end} value={v.end} onInput={(x) => form.set("end", x)} fault={form.fault("visits/0/endsAt")} />
          </div>
          <p class="hint">{m.header.zone(zone())}</p>
        </Show>
      </div>
    </Dialog>
  );
}
