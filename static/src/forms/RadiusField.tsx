// The radius of a zone: a slider whose steps grow with it, and its words.
import { createUniqueId, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { MAX_RADIUS_M, MIN_RADIUS_M } from "../map/fences";

const STEPS = [20, 30, 40, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000];

export function RadiusField(props: { value: number; onInput: (metres: number) => void; fault?: string; autofocus?: boolean }): JSX.Element {
  const id = createUniqueId();
  const at = () => STEPS.reduce((best, step, i) => (Math.abs(step - props.value) < Math.abs(STEPS[best]! - props.value) ? i : best), 0);
  const typed = (text: string) => {
    const metres = Number(text);
    if (text.trim() && Number.isFinite(metres)) props.onInput(Math.round(metres));
  };
  return (
    <div class="field" data-field="geofence">
      <label for={id}>{m.fence.radius}</label>
      <div class="radius">
        <input id={id} name="geofence" type="range" min="0" max={STEPS.length - 1} step="1" value={at()} data-autofocus={props.autofocus ? "" : undefined}
          aria-valuetext={m.fence.metres(props.value)} aria-describedby={props.fault ? `${id}-fault` : undefined}
          onInput={(event) => props.onInput(STEPS[Number(event.currentTarget.value)]!)} />
        <input type="number" class="radius-number" inputmode="numeric" min={MIN_RADIUS_M} max={MAX_RADIUS_M} value={props.value} aria-label={`${m.fence.radius} (m)`}
          aria-invalid={props.fault ? "true" : undefined} onChange={(event) => typed(event.currentTarget.value)} />
        <span aria-hidden="true">m</span>
      </div>
      <Show when={props.fault}><p class="field-error" id={`${id}-fault`} role="alert">{props.fault}</p></Show>
    </div>
  );
}
