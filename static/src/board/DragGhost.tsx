// What follows the pointer while dragging: the visit, the time it would get,
// and what would be in the way.
import { For, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { floor, visitTitle, workerName, zone } from "../state/floor";
import { clock } from "../time";
import { Icon } from "../ui/Icon";
import { drag, misfitWords } from "./drag";

export function DragGhost(): JSX.Element {
  return (
    <Show when={drag()?.mode === "keys" ? null : drag()}>{(held) => {
      const lane = () => {
        const target = held().target;
        return target?.kind === "lane" ? target : null;
      };
      const flip = () => held().x > window.innerWidth - 280;
      return (
        <div class="ghost-card" aria-hidden="true" style={{
          transform: `translate(${held().x + (flip() ? -262 : 14)}px, ${Math.min(held().y + 16, window.innerHeight - 130)}px)`,
        }}>
          <strong>{visitTitle(held().visit)}</strong>
          <Show when={lane()} fallback={<span>{held().target?.kind === "queue" ? m.act.unassign : "…"}</span>}>{(target) => (
            <>
              <span>{workerName(floor.workers[target().workerId])} · {clock(target().span.from, zone())}–{clock(target().span.to, zone())}</span>
              <For each={target().verdict?.reasons ?? target().misfits.map((one) => misfitWords(one, target().workerId))}>{(words) => (
                <span class="ghost-bad"><Icon name="alert" size={13} />{words}</span>
              )}</For>
              <Show when={target().verdict?.fits}><span class="ghost-good"><Icon name="check" size={13} />{m.verdict.fits}</span></Show>
            </>
          )}</Show>
        </div>
      );
    }}</Show>
  );
}
