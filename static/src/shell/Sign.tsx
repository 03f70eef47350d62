// Signing up and signing in: what somebody without a session sees.
import { createMemo, createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import { ApiFailure, post, signIn } from "../api/http";
import { m } from "../messages";
import { createForm, type Faults } from "../forms/form";
import { FormFault, PickField, SelectField, TextField } from "../forms/Fields";
import { Mark } from "./Mark";
import { goTo, route } from "./route";

const CURRENCIES = ["AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "INR", "JPY", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "USD", "ZAR"];

function zones(): string[] {
  const all = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([...all, "UTC", browserZone()])].sort();
}
function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function Sign(): JSX.Element {
  return (
    <main class="sign">
      <div class="sign-side" aria-hidden="true">
        <Mark size={44} />
        <p class="sign-tagline">{m.tagline}</p>
        <div class="sign-lanes"><For each={[[8, 22, 0], [34, 18, 1], [14, 30, 2], [52, 24, 0], [4, 16, 3]]}>{([left, width, tone]) => (
          <div class="sign-lane"><i data-tone={tone} style={{ left: `${left}%`, width: `${width}%` }} /><i data-tone={(tone! + 2) % 4} style={{ left: `${left! + width! + 4}%`, width: `${Math.max(12, 26 - width! / 2)}%` }} /></div>
        )}</For></div>
      </div>
      <div class="sign-main">
        <div class="sign-card">
          <div class="sign-brand"><Mark size={30} /><span>{m.product}</span></div>
          <Switch>
            <Match when={route() === "signup"}><SignUp /></Match>
            <Match when={true}><SignIn /></Match>
          </Switch>
        </div>
      </div>
    </main>
  );
}

function SignIn(): JSX.Element {
  const form = createForm({ email: "", password: "", accountId: "" }, ["email", "password", "accountId"]);
  const [accounts, setAccounts] = createSignal<{ id: string; name: string }[]>([]);
  const v = form.values;
  const check = () => {
    const wrong: Faults = {};
    if (!v.email.trim()) wrong.email = m.form.needed;
    if (!v.password) wrong.password = m.form.needed;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    try {
      await signIn(v.email.trim(), v.password, v.accountId || undefined);
    } catch (error) {
      const list = error instanceof ApiFailure && error.code === "ACCOUNT_REQUIRED" ? accountsIn(error.meta.accounts) : [];
      if (!list.length) throw error;
      setAccounts(list);
      form.set("accountId", list[0]!.id);
    }
  });
  return (
    <form novalidate onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <h1>{m.sign.inTitle}</h1>
      <p class="lead">{m.sign.inLead}</p>
      <FormFault form={form} />
      <TextField name="email" type="email" autocomplete="username" label={m.sign.email} value={v.email} onInput={(x) => form.set("email", x)} fault={form.fault("email")} />
      <TextField name="password" type="password" autocomplete="current-password" label={m.sign.password} value={v.password} onInput={(x) => form.set("password", x)} fault={form.fault("password")} />
      <Show when={accounts().length > 0}>
        <SelectField name="accountId" label={m.sign.whichAccount} value={v.accountId} onInput={(x) => form.set("accountId", x)}
          options={accounts().map((one) => ({ value: one.id, label: one.name }))} />
      </Show>
      <button type="submit" class="primary wide" disabled={form.busy()}>{form.busy() ? m.sign.working : m.sign.inButton}</button>
      <p class="sign-other">{m.sign.noAccount} <a href="#/signup">{m.sign.toUp}</a></p>
    </form>
  );
}

function accountsIn(list: unknown): { id: string; name: string }[] {
  if (!Array.isArray(list)) return [];
  return list.map((one: { id?: string; accountId?: string; name?: string; attributes?: { name?: string } }) => {
    const id = String(one.id ?? one.accountId ?? one);
    return { id, name: one.name ?? one.attributes?.name ?? id };
  });
}

function SignUp(): JSX.Element {
  const form = createForm(
    { company: "", timeZone: browserZone(), currency: "EUR", firstName: "", lastName: "", email: "", password: "" },
    ["name", "timeZone", "currency", "owner/firstName", "owner/lastName", "owner/email", "owner/password"],
  );
  const v = form.values;
  const zoneOptions = createMemo(() => zones().map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })));
  const check = () => {
    const wrong: Faults = {};
    if (!v.company.trim()) wrong.name = m.form.needed;
    if (!v.firstName.trim()) wrong["owner/firstName"] = m.form.needed;
    if (!v.lastName.trim()) wrong["owner/lastName"] = m.form.needed;
    if (!v.email.trim()) wrong["owner/email"] = m.form.needed;
    if (!v.password) wrong["owner/password"] = m.form.needed;
    return wrong;
  };
  const send = () => form.send(check, async () => {
    try {
      await post("/accounts", "account", {
        name: v.company.trim(), timeZone: v.timeZone, currency: v.currency,
        owner: { firstName: v.firstName.trim(), lastName: v.lastName.trim(), email: v.email.trim(), password: v.password },
      }, { anonymous: true });
    } catch (error) {
      if (error instanceof ApiFailure && error.code === "EMAIL_TAKEN" && !error.errors[0]?.source?.pointer) {
        throw new ApiFailure(error.status, [{ code: error.code, source: { pointer: "/data/attributes/owner/email" } }]);
      }
      throw error;
    }
    await signIn(v.email.trim(), v.password);
    goTo("");
  });
  return (
    <form novalidate onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <h1>{m.sign.upTitle}</h1>
      <p class="lead">{m.sign.upLead}</p>
      <FormFault form={form} />
      <TextField name="name" autocomplete="organization" label={m.sign.company} value={v.company} onInput={(x) => form.set("company", x)} fault={form.fault("name")} />
      <div class="pair wide-first">
        <PickField name="timeZone" label={m.sign.timeZone} value={v.timeZone} onPick={(x) => form.set("timeZone", x)} options={zoneOptions()} fault={form.fault("timeZone")} />
        <SelectField name="currency" label={m.sign.currency} value={v.currency} onInput={(x) => form.set("currency", x)} fault={form.fault("currency")}
          options={CURRENCIES.map((code) => ({ value: code, label: code }))} />
      </div>
      <div class="pair">
        <TextField name="owner/firstName" autocomplete="given-name" label={m.sign.firstName} value={v.firstName} onInput={(x) => form.set("firstName", x)} fault={form.fault("owner/firstName")} />
        <TextField name="owner/lastName" autocomplete="family-name" label={m.sign.lastName} value={v.lastName} onInput={(x) => form.set("lastName", x)} fault={form.fault("owner/lastName")} />
      </div>
      <TextField name="owner/email" type="email" autocomplete="username" label={m.sign.email} value={v.email} onInput={(x) => form.set("email", x)} fault={form.fault("owner/email")} />
      <TextField name="owner/password" type="password" autocomplete="new-password" label={m.sign.password} value={v.password} onInput={(x) => form.set("password", x)} fault={form.fault("owner/password")} hint={m.sign.passwordHint} />
      <button type="submit" class="primary wide" disabled={form.busy()}>{form.busy() ? m.sign.working : m.sign.upButton}</button>
      <p class="sign-other">{m.sign.hasAccount} <a href="#/">{m.sign.toIn}</a></p>
    </form>
  );
}
