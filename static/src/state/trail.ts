// The way of whoever is chosen, on the chosen day: fetched while he is chosen,
// and again when he moves, so that what a phone sends late appears too.
import { createEffect, createMemo, createSignal, on, onCleanup } from "solid-js";
import { get } from "../api/http";
import type { Resource } from "../api/types";
import { trailOf, type Trail, type TrackPoint } from "../map/trail";
import { derived, livePosition } from "./floor";
import { chosen } from "./selection";

const AGAIN_MS = 12_000;
const SURELY_MS = 60_000;

const [trail, setTrail] = createSignal<Trail | null>(null);
const [failed, setFailed] = createSignal(false);
/** The trail of whoever is chosen; null while there is none. */
export { trail, failed as trailFailed };

/** To be called in a component: keeps the trail true to the choice, the day, and the latest fix. */
export function keepTrail(): void {
  const who = createMemo(() => (chosen()?.kind === "worker" ? chosen()!.id : null));
  const today = createMemo(() => derived.date() === derived.today());
  const fix = createMemo(() => (who() && today() ? (livePosition(who()!)?.at ?? null) : null));
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (inMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void load(), inMs);
  };
  const load = async () => {
    const workerId = who();
    if (!workerId) return;
    asked = Date.now();
    soon(SURELY_MS);
    const { from, to } = derived.span();
    try {
      const answer = await get<Resource<TrackPoint>[]>(`/workers/${workerId}/track?from=${iso(from)}&to=${iso(Math.min(to, Math.max(Date.now(), from + 1000)))}`);
      if (who() !== workerId || derived.span().from !== from) return;
      setTrail(trailOf(workerId, answer.data, answer.meta));
      setFailed(false);
    } catch {
      // Without it the dot still says where somebody is; the details say that the way is missing.
      setFailed(who() === workerId);
    }
  };
  createEffect(on([who, () => derived.span().from], ([workerId]) => {
    setTrail(null);
    setFailed(false);
    clearTimeout(timer);
    if (workerId) void load();
  }));
  createEffect(on(fix, (at) => at && soon(Math.max(0, asked + AGAIN_MS - Date.now())), { defer: true }));
  onCleanup(() => clearTimeout(timer));
}

const iso = (ms: number) => new Date(ms).toISOString();
