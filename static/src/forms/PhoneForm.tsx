// Gives a worker's phone its credential: makes it, shows the code that sets up
// the app, lists the phones that have one and takes them back.
import { createResource, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { call, getAll, post } from "../api/http";
import { flat, type DeviceAttributes, type Resource } from "../api/types";
import { m } from "../messages";
import { closeDialog } from "../state/dialogs";
import { floor, workerName, zone } from "../state/floor";
import { announce, complain, inWords, say } from "../state/notices";
import { dateTime } from "../time";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { createForm } from "./form";
import { FormFault, TextField } from "./Fields";

type Device = DeviceAttributes & { id: string };
const APPS = ["owntracks", "traccar", "overland"];

export function PhoneForm(props: { workerId: string }): JSX.Element {
  const worker = () => floor.workers[props.workerId];
  const [fresh, setFresh] = createSignal<Device | null>(null);
  const [devices, { refetch }] = createResource(() => props.workerId, (id) =>
    getAll<Resource<DeviceAttributes>>(`/devices?filter[workerId]=${id}`).then((answer) => answer.data.map(flat), (error: unknown): Device[] => {
      complain(inWords(error));
      return [];
    }));
  const form = createForm({ label: m.phone.labelDefault(worker()?.firstName ?? "") }, ["label", "workerId"]);
  const make = () => form.send(() => ({}), async () => {
    const answer = await post<Resource<DeviceAttributes>>("/devices", "device", { workerId: props.workerId, label: form.values.label.trim() || undefined });
    setFresh(flat(answer.data));
    void refetch();
  });
  return (
    <Dialog title={m.phone.title(workerName(worker()))} name="phone" onClose={closeDialog} onSubmit={() => (fresh() ? closeDialog() : void make())}
      footer={fresh()
        ? <button type="submit" class="primary">{m.phone.done}</button>
        : <><button type="button" class="quiet" onClick={closeDialog}>{m.dialog.cancel}</button>
          <button type="submit" class="primary" disabled={form.busy()}>{m.phone.create}</button></>}>
      <FormFault form={form} />
      <Show when={fresh()} fallback={<>
        <p>{m.phone.lead}</p>
        <TextField name="label" label={m.phone.label} hint={m.phone.labelHint} value={form.values.label} onInput={(x) => form.set("label", x)} fault={form.fault("label")} autofocus />
      </>}>{(device) => <Setup device={device()} />}</Show>
      <section class="devices">
        <h3>{m.phone.existing}</h3>
        <ul>
          <For each={devices() ?? []} fallback={<li class="dim">{devices.loading ? "…" : m.phone.none}</li>}>{(device) => (
            <DeviceRow device={device} onGone={() => {
              if (fresh()?.id === device.id) setFresh(null);
              void refetch();
            }} />
          )}</For>
        </ul>
      </section>
    </Dialog>
  );
}

function Setup(props: { device: Device }): JSX.Element {
  const apps = () => APPS.filter((app) => props.device.setup?.[app]);
  const [app, setApp] = createSignal(APPS.find((name) => props.device.setup?.[name]) ?? APPS[0]!);
  const id = createUniqueId();
  const link = () => props.device.setup?.[app()] ?? "";
  // As a picture the SVG can run no script, whatever is in it.
  const picture = () => {
    const svg = props.device.qr?.[app()];
    return svg ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}` : null;
  };
  let tabs!: HTMLDivElement;
  const walk = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    event.preventDefault();
    const list = apps();
    setApp(list[(list.indexOf(app()) + by + list.length) % list.length]!);
    tabs.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link());
      announce(m.phone.copied);
      say(m.phone.copied);
    } catch {
      complain(m.phone.noCopy);
    }
  };
  return (
    <div class="setup">
      <div class="tabs" role="tablist" aria-label={m.phone.add} ref={tabs} onKeyDown={walk}>
        <For each={apps()}>{(name) => (
          <button type="button" role="tab" id={`${id}-${name}`} aria-selected={app() === name} aria-controls={`${id}-panel`} data-app={name}
            tabindex={app() === name ? 0 : -1} onClick={() => setApp(name)}>{m.phone.apps[name] ?? name}</button>
        )}</For>
      </div>
      <div class="setup-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${app()}`}>
        <Show when={picture()}>{(source) => <img class="qr" src={source()} width="220" height="220" alt={m.phone.qr(m.phone.apps[app()] ?? app())} />}</Show>
        <p>{m.phone.steps[app()]}</p>
        <div class="with-button link-row">
          <input readonly value={link()} aria-label={m.phone.link} onFocus={(event) => event.currentTarget.select()} />
          <button type="button" class="quiet" onClick={() => void copy()}>{m.phone.copy}</button>
        </div>
        <p class="hint"><Icon name="lock" size={13} /> {m.phone.once}</p>
      </div>
    </div>
  );
}

function DeviceRow(props: { device: Device; onGone: () => void }): JSX.Element {
  const [sure, setSure] = createSignal(false);
  const revoke = async () => {
    if (!sure()) return void setSure(true);
    try {
      await call("DELETE", `/devices/${props.device.id}`);
      say(m.phone.revoked(props.device.label));
      props.onGone();
    } catch (error) {
      complain(inWords(error));
    }
  };
  return (
    <li data-device={props.device.id}>
      <Icon name="phone" size={15} />
      <span>{props.device.label}<small>{m.phone.since(dateTime(Date.parse(props.device.createdAt), zone()))}</small></span>
      <button type="button" class="quiet" classList={{ danger: sure() }} aria-label={`${sure() ? m.phone.revokeSure : m.phone.revoke}: ${props.device.label}`}
        onClick={() => void revoke()} onBlur={() => setSure(false)}>{sure() ? m.phone.revokeSure : m.phone.revoke}</button>
    </li>
  );
}
