// A new worker: who they are, what they can do, where they start and when
// they work.
import { For, Show, type JSX } from "solid-js";
import { post } from "../api/http";
import { flat, type Place, type Resource, type Weekday, type WorkerAttributes } from "../api/types";
import { m } from "../messages";
import { PlacePicker } from "../map/PlacePicker";
import { closeDialog } from "../state/dialogs";
import { setFloor, workerName, zone } from "../state/floor";
import { say } from "../state/notices";
import { Dialog } from "../ui/Dialog";
import { createForm, filled, listOf, type Faults } from "./form";
import { Buttons, FormFault, TextField } from "./Fields";

const DAYS: Weekday[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
interface Day { on: boolean; start: string; end: string }

export function WorkerForm(): JSX.Element {
  const week = Object.fromEntries(DAYS.map((day) => [day, { on: day !== "sat" && day !== "sun", start: "08:00", end: "17:00" }])) as Record<Weekday, Day>;
  const form = createForm(
    { firstName: "", lastName: "", email: "", password: "", phone: "", skills: "", home: null as Place | null, week },
    ["firstName", "lastName", "email", "password", "phone", "skills", "home", "workingHours"],
  );
  const v = form.values;
  const setDay = (day: Weekday, change: Partial<Day>) => form.set("week", { ...v.week, [day]: { ...v.week[day], ...change } });
  const check = () => {
    const wrong: Faults = {};
    for (const field of ["firstName", "lastName", "email", "password"] as const) if (!v[field].trim()) wrong[field] = m.form.needed;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    const skills = listOf(v.skills);
    const workingHours = DAYS.filter((day) => v.week[day].on).map((day) => ({ weekday: day, start: v.week[day].start, end: v.week[day].end }));
    const answer = await post<Resource<WorkerAttributes>>("/workers", "worker", {
      firstName: v.firstName.trim(), lastName: v.lastName.trim(), email: v.email.trim(), password: v.password,
      ...filled({ phone: v.phone.trim() }), ...(skills.length ? { skills } : {}), ...(v.home ? { home: { ...v.home } } : {}),
      ...(workingHours.length ? { workingHours } : {}), timeZone: zone(),
    });
    const worker = flat(answer.data);
    setFloor("workers", worker.id, worker);
    say(m.said.created(workerName(worker)));
    closeDialog();
  });
  return (
    <Dialog title={m.form.workerTitle} name="worker" wide onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.create} onCancel={closeDialog} />}>
      <FormFault form={form} />
      <div class="columns">
        <div class="stack">
          <div class="pair">
            <TextField name="firstName" label={m.form.firstName} value={v.firstName} onInput={(x) => form.set("firstName", x)} fault={form.fault("firstName")} autofocus />
            <TextField name="lastName" label={m.form.lastName} value={v.lastName} onInput={(x) => form.set("lastName", x)} fault={form.fault("lastName")} />
          </div>
          <TextField name="email" label={m.form.email} type="email" value={v.email} onInput={(x) => form.set("email", x)} fault={form.fault("email")} />
          <TextField name="password" label={m.form.password} type="password" autocomplete="new-password" value={v.password} onInput={(x) => form.set("password", x)} fault={form.fault("password")} hint={m.sign.passwordHint} />
          <div class="pair">
            <TextField name="phone" label={m.form.phone} inputmode="tel" value={v.phone} onInput={(x) => form.set("phone", x)} fault={form.fault("phone")} />
            <TextField name="skills" label={m.form.workerSkills} value={v.skills} onInput={(x) => form.set("skills", x)} fault={form.fault("skills")} hint={m.form.skillsHint} />
          </div>
          <PlacePicker label={m.form.home} value={v.home} onPick={(home) => form.set("home", home)} error={form.fault("home")} />
        </div>
        <fieldset class="week" aria-invalid={form.fault("workingHours") ? "true" : undefined}>
          <legend>{m.form.hours}</legend>
          <For each={DAYS}>{(day) => (
            <div class="week-day" classList={{ off: !v.week[day].on }}>
              <label class="check"><input type="checkbox" aria-label={m.form.worksOn(m.weekdayLong[day])} checked={v.week[day].on}
                onChange={(event) => setDay(day, { on: event.currentTarget.checked })} />{m.weekdayLong[day]}</label>
              <input type="time" aria-label={`${m.weekdayLong[day]}: ${m.form.from}`} disabled={!v.week[day].on} value={v.week[day].start} onInput={(event) => setDay(day, { start: event.currentTarget.value })} />
              <span>–</span>
              <input type="time" aria-label={`${m.weekdayLong[day]}: ${m.form.to}`} disabled={!v.week[day].on} value={v.week[day].end} onInput={(event) => setDay(day, { end: event.currentTarget.value })} />
            </div>
          )}</For>
          <Show when={form.fault("workingHours")}><p class="field-error" role="alert">{form.fault("workingHours")}</p></Show>
          <p class="hint">{m.header.zone(zone())}</p>
        </fieldset>
      </div>
    </Dialog>
  );
}
