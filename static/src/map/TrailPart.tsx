// The details' part about the way of whoever is chosen: how far, and
// how much of it is to be believed.
import { Show, type JSX } from "solid-js";
import { m } from "../messages";
import { zone } from "../state/floor";
import { trail, trailFailed } from "../state/trail";
import { clock } from "../time";

export function TrailPart(props: { workerId: string }): JSX.Element {
  const held = () => (trail()?.workerId === props.workerId ? trail() : null);
  const first = () => held()?.points[0];
  const last = () => held()?.points.at(-1);
  const details = () => {
    const known = held()!;
    return [
      m.trail.between(clock(first()!.at, zone()), clock(last()!.at, zone())), m.trail.points(known.points.length),
      known.unused ? m.trail.unused(known.unused) : "", known.late ? m.trail.late(known.late) : "", known.truncated ? m.trail.more : "",
    ].filter(Boolean).join(" · ");
  };
  return (
    <section class="history trail-part" data-trail={held() ? held()!.points.length : undefined}>
      <h3>{m.trail.title}</h3>
      <Show when={held() && held()!.points.length > 0} fallback={<p class="dim">{trailFailed() ? m.trail.failed : held() ? m.trail.none : "…"}</p>}>
        <p><strong>{lengthWords(held()!.distanceM)}</strong></p>
        <small>{details()}</small>
      </Show>
    </section>
  );
}

function lengthWords(metres: number): string {
  if (metres < 950) return m.trail.metres(Math.round(metres / 10) * 10);
  return m.trail.km(metres < 100_000 ? (metres / 1000).toFixed(1) : String(Math.round(metres / 1000)));
}
