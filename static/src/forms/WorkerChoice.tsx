// Who could do a visit: those who fit first, the nearest of them first, with
// what would be in the way of the others, and the server's word on the choice.
import { createEffect, createMemo, createResource, createSignal, For, on, onCleanup, Show, type JSX } from "solid-js";
import { get } from "../api/http";
import type { Resource, Visit } from "../api/types";
import { misfitWords } from "../board/drag";
import { misfits } from "../board/fit";
import { m } from "../messages";
import type { Placing } from "../state/clash";
import { derived, workerName, zone } from "../state/floor";
import { foretell, type Verdict } from "../state/trial";
import type { Span } from "../time";
import { Icon } from "../ui/Icon";

const MOST_SHOWN = 40;
const MOST_TRIED = 6;
const NEAR_LIMIT = 50;

interface Props { visit: Visit; span: Span | null; chosen: string[]; onToggle: (id: string) => void; leftOut?: string[] }

export function WorkerChoice(props: Props): JSX.Element {
  const [filter, setFilter] = createSignal("");
  const [near] = createResource(() => props.visit.location, (place) => distancesTo(place.lat, place.lng));
  const [tried, setTried] = createSignal<Record<string, Verdict>>({});
  const rows = createMemo(() => derived.workers()
    .filter((worker) => worker.status !== "inactive" && !props.leftOut?.includes(worker.id) && workerName(worker).toLowerCase().includes(filter().toLowerCase()))
    .map((worker) => ({
      worker, distanceM: near()?.get(worker.id) ?? Infinity,
      wrong: props.span ? misfits(props.visit, worker, props.span, derived.byWorker().get(worker.id) ?? [], zone()) : [],
    }))
    .sort((a, b) => Number(props.chosen.includes(b.worker.id)) - Number(props.chosen.includes(a.worker.id)) || a.wrong.length - b.wrong.length || (a.distanceM === b.distanceM ? 0 : a.distanceM - b.distanceM))
    .slice(0, MOST_SHOWN));
  // The first few are tried for real: the browser does not know how long the ways are.
  const first = createMemo(() => rows().slice(0, MOST_TRIED).map((row) => row.worker.id).join());
  createEffect(on([first, () => props.span?.from, () => props.span?.to], ([ids]) => {
    let over = false;
    onCleanup(() => { over = true; });
    setTried({});
    const span = props.span;
    if (!span) return;
    const timer = setTimeout(async () => {
      for (const id of ids.split(",").filter(Boolean)) {
        const verdict = await foretell(props.visit, { startsAt: new Date(span.from).toISOString(), endsAt: new Date(span.to).toISOString(), workerIds: [id] });
        if (over) return;
        if (verdict) setTried((held) => ({ ...held, [id]: verdict }));
      }
    }, 200);
    onCleanup(() => clearTimeout(timer));
  }));
  return (
    <fieldset class="choice">
      <legend>{m.dialog.workers}</legend>
      <input type="search" placeholder={m.dialog.findWorker} aria-label={m.dialog.findWorker} value={filter()} data-autofocus={props.leftOut ? "" : undefined}
        onInput={(event) => setFilter(event.currentTarget.value)} />
      <div class="choice-list">
        <For each={rows().map((row) => row.worker.id)} fallback={<p class="hint">{m.header.nothingFound}</p>}>{(id) => {
          const row = () => rows().find((one) => one.worker.id === id);
          const reasons = () => tried()[id]?.reasons ?? row()?.wrong.map((one) => misfitWords(one, id)) ?? [];
          const noteId = `fit-${id}`;
          return (
            <label class="choice-row">
              <input type="checkbox" name="worker" value={id} checked={props.chosen.includes(id)} aria-describedby={noteId} onChange={() => props.onToggle(id)} />
              <span class="choice-name">{workerName(row()?.worker)}</span>
              <span class="choice-far"><Show when={Number.isFinite(row()?.distanceM)}>{m.dialog.distance((row()!.distanceM / 1000).toFixed(1))}</Show></span>
              <span class="choice-note" id={noteId}>
                <Show when={reasons().length > 0} fallback={<span class="choice-free"><Icon name="check" size={13} />{m.dialog.free}</span>}>
                  <span class="choice-wrong"><Icon name="alert" size={13} />{reasons().join(" ")}</span>
                </Show>
              </span>
            </label>
          );
        }}</For>
      </div>
    </fieldset>
  );
}

/** What the server says to the placing chosen, before it is sent. */
export function VerdictLine(props: { visit: Visit; placing: Placing | null }): JSX.Element {
  const [verdict, setVerdict] = createSignal<Verdict | null>(null);
  const key = createMemo(() => JSON.stringify(props.placing));
  createEffect(on(key, () => {
    setVerdict(null);
    const placing = props.placing;
    if (!placing) return;
    let over = false;
    const timer = setTimeout(async () => {
      const found = await foretell(props.visit, placing);
      if (!over) setVerdict(found);
    }, 220);
    onCleanup(() => {
      over = true;
      clearTimeout(timer);
    });
  }));
  return (
    <div class="verdict" role="status" data-verdict={verdict() ? (verdict()!.fits ? "fits" : "clash") : "none"}>
      <Show when={verdict()}>{(held) => (
        <Show when={held().fits} fallback={<For each={held().reasons}>{(text) => <p class="verdict-bad"><Icon name="alert" size={15} />{text}</p>}</For>}>
          <p class="verdict-good"><Icon name="check" size={15} />{m.verdict.fits}</p>
        </Show>
      )}</Show>
    </div>
  );
}

async function distancesTo(lat: number, lng: number): Promise<Map<string, number>> {
  try {
    const answer = await get<Resource<{ distanceM: number }>[]>(`/workers/nearby?lat=${lat}&lng=${lng}&limit=${NEAR_LIMIT}`);
    return new Map(answer.data.map((one) => [one.id, one.attributes.distanceM]));
  } catch {
    // Without distances the choice is by fit alone.
    return new Map();
  }
}
