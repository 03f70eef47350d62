// A new client with its first property; a click on the map places it.
import { Show, type JSX } from "solid-js";
import { post } from "../api/http";
import { flat, type ClientAttributes, type Place, type Resource } from "../api/types";
import { m } from "../messages";
import { DEFAULT_RADIUS_M } from "../map/fences";
import { PlacePicker } from "../map/PlacePicker";
import { displayName, setFloor } from "../state/floor";
import { closeDialog } from "../state/dialogs";
import { say } from "../state/notices";
import { Dialog } from "../ui/Dialog";
import { createForm, filled } from "./form";
import { Buttons, FormFault, TextField } from "./Fields";
import { RadiusField } from "./RadiusField";

const AT = "properties/0";

export function ClientForm(props: { place?: Place }): JSX.Element {
  const form = createForm(
    { companyName: "", firstName: "", lastName: "", email: "", phone: "", propertyName: m.form.propertyDefault as string,
      street: "", city: "", postalCode: "", country: "", place: props.place ?? (null as Place | null), radiusM: DEFAULT_RADIUS_M },
    ["companyName", "firstName", "lastName", "email", "phone", `${AT}/name`, `${AT}/address/street`, `${AT}/address/city`,
      `${AT}/address/postalCode`, `${AT}/address/country`, `${AT}/location`, `${AT}/geofence`],
  );
  const v = form.values;
  const check = () => (v.companyName.trim() || v.firstName.trim() || v.lastName.trim() ? {} : { companyName: m.form.needName }) as Record<string, string>;
  const send = () => form.send(check, async () => {
    const address = filled({ street: v.street.trim(), city: v.city.trim(), postalCode: v.postalCode.trim(), country: v.country.trim().toUpperCase() });
    const hasProperty = v.place !== null || Object.keys(address).length > 0;
    const answer = await post<Resource<ClientAttributes>>("/clients", "client", {
      ...filled({ companyName: v.companyName.trim(), firstName: v.firstName.trim(), lastName: v.lastName.trim(), email: v.email.trim(), phone: v.phone.trim() }),
      ...(hasProperty ? { properties: [{ ...filled({ name: v.propertyName.trim() }), address, ...(v.place ? { location: { ...v.place }, ...(v.radiusM === DEFAULT_RADIUS_M ? {} : { geofence: { type: "circle", radiusM: v.radiusM } }) } : {}) }] } : {}),
    });
    const client = flat(answer.data);
    setFloor("clients", client.id, client);
    say(m.said.created(displayName(client)));
    closeDialog();
  });
  return (
    <Dialog title={m.form.clientTitle} name="client" wide onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.create} onCancel={closeDialog} />}>
      <FormFault form={form} />
      <div class="columns">
        <div class="stack">
          <TextField name="companyName" label={m.form.companyName} value={v.companyName} onInput={(x) => form.set("companyName", x)} fault={form.fault("companyName")} hint={m.form.personOrCompany} autofocus />
          <div class="pair">
            <TextField name="firstName" label={m.form.firstName} value={v.firstName} onInput={(x) => form.set("firstName", x)} fault={form.fault("firstName")} />
            <TextField name="lastName" label={m.form.lastName} value={v.lastName} onInput={(x) => form.set("lastName", x)} fault={form.fault("lastName")} />
          </div>
          <TextField name="email" label={m.form.email} type="email" value={v.email} onInput={(x) => form.set("email", x)} fault={form.fault("email")} />
          <TextField name="phone" label={m.form.phone} inputmode="tel" value={v.phone} onInput={(x) => form.set("phone", x)} fault={form.fault("phone")} />
        </div>
        <div class="stack">
          <TextField name={`${AT}/name`} label={m.form.property} value={v.propertyName} onInput={(x) => form.set("propertyName", x)} fault={form.fault(`${AT}/name`)} />
          <TextField name={`${AT}/address/street`} label={m.form.street} value={v.street} onInput={(x) => form.set("street", x)} fault={form.fault(`${AT}/address/street`)} />
          <div class="pair three">
            <TextField name={`${AT}/address/postalCode`} label={m.form.postalCode} value={v.postalCode} onInput={(x) => form.set("postalCode", x)} fault={form.fault(`${AT}/address/postalCode`)} />
            <TextField name={`${AT}/address/city`} label={m.form.city} value={v.city} onInput={(x) => form.set("city", x)} fault={form.fault(`${AT}/address/city`)} />
            <TextField name={`${AT}/address/country`} label={m.form.country} value={v.country} onInput={(x) => form.set("country", x)} fault={form.fault(`${AT}/address/country`)} />
          </div>
          <PlacePicker label={m.form.place} value={v.place} onPick={(place) => form.set("place", place)} error={form.fault(`${AT}/location`)}
            fence={{ type: "circle", radiusM: v.radiusM }} />
          <Show when={v.place}><RadiusField value={v.radiusM} onInput={(metres) => form.set("radiusM", metres)} fault={form.fault(`${AT}/geofence`)} /></Show>
        </div>
      </div>
    </Dialog>
  );
}
