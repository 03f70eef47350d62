// The zone of a property in which a phone counts as being there.
import { Show, type JSX } from "solid-js";
import { call } from "../api/http";
import type { Geofence, Resource } from "../api/types";
import { DEFAULT_RADIUS_M } from "../map/fences";
import { PlacePicker } from "../map/PlacePicker";
import { m } from "../messages";
import { closeDialog } from "../state/dialogs";
import { floor } from "../state/floor";
import { say } from "../state/notices";
import { loadClient } from "../state/sync";
import { Dialog } from "../ui/Dialog";
import { createForm } from "./form";
import { Buttons, FormFault } from "./Fields";
import { RadiusField } from "./RadiusField";

export function FenceForm(props: { clientId: string; propertyId: string }): JSX.Element {
  const property = floor.clients[props.clientId]?.properties?.find((one) => one.id === props.propertyId);
  const form = createForm({ fence: (property?.geofence ?? { type: "circle", radiusM: DEFAULT_RADIUS_M }) as Geofence, place: property?.location ?? null },
    ["geofence", "location"]);
  const corners = () => (form.values.fence.type === "polygon" ? form.values.fence.coordinates.length : 0);
  const radius = () => (form.values.fence.type === "circle" ? form.values.fence.radiusM : DEFAULT_RADIUS_M);
  const send = () => form.send(() => (form.values.place ? {} : { location: m.fence.noPlace }) as Record<string, string>, async () => {
    // The version of this moment: the zone is all that is changed here.
    const held = await call<Resource<{ version: number }>>("GET", `/properties/${props.propertyId}`);
    await call("PATCH", `/properties/${props.propertyId}`, {
      ifMatch: held.data.attributes.version,
      body: { data: { type: "property", attributes: { geofence: { ...form.values.fence }, location: { ...form.values.place } } } },
    });
    await loadClient(props.clientId);
    say(m.said.saved);
    closeDialog();
  });
  return (
    <Dialog title={m.fence.title} name="fence" onClose={closeDialog} onSubmit={() => void send()}
      footer={<Buttons busy={form.busy()} label={m.dialog.save} onCancel={closeDialog} />}>
      <FormFault form={form} />
      <p>{m.fence.lead}</p>
      <Show when={corners() > 0} fallback={
        <RadiusField value={radius()} onInput={(radiusM) => form.set("fence", { type: "circle", radiusM })} fault={form.fault("geofence")} autofocus />}>
        <p>{m.fence.polygon(corners())} <button type="button" class="link" onClick={() => form.set("fence", { type: "circle", radiusM: DEFAULT_RADIUS_M })}>{m.fence.toCircle}</button></p>
      </Show>
      <PlacePicker label={m.form.place} value={form.values.place} onPick={(place) => form.set("place", place)} fence={form.values.fence} error={form.fault("location")} />
    </Dialog>
  );
}
