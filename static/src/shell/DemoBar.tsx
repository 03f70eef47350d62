// The demonstration's own controls: stop it, hurry it, or make trouble. Shown
// only where a demonstration runs.
import { createSignal, For, onMount, Show, type JSX } from "solid-js";
import { ApiFailure, call, get } from "../api/http";
import type { Resource } from "../api/types";
import { m } from "../messages";
import { complain, inWords, say } from "../state/notices";
import { Icon } from "../ui/Icon";

interface Demo { paused: boolean; speed: number; workers: number }
const SPEEDS = [1, 5, 20];

export function DemoBar(): JSX.Element {
  const [demo, setDemo] = createSignal<Demo | null>(null);
  const [busy, setBusy] = createSignal(false);
  onMount(async () => {
    if (!(await isDemo())) return;
    await look();
  });
  const look = async () => {
    try {
      setDemo((await get<Resource<Demo>>("/demo")).data.attributes);
    } catch {
      setDemo(null);
    }
  };
  const order = async (what: string, words: string, attributes: object = {}) => {
    if (busy()) return;
    setBusy(true);
    try {
      const answer = await call<Resource<Demo> | undefined>("POST", `/demo/${what}`, { body: { data: { type: "demo", attributes } } });
      if (answer.data?.attributes && "paused" in answer.data.attributes) setDemo(answer.data.attributes);
      else await look();
      if (words) say(words);
    } catch (error) {
      complain(error instanceof ApiFailure ? inWords(error) : m.error.UNKNOWN!);
    }
    setBusy(false);
  };
  return (
    <Show when={demo()}>{(held) => (
      <section class="demo-bar" aria-label={m.demo.title}>
        <strong>{m.demo.title}</strong>
        <span class="demo-about">{m.demo.workers(held().workers)}</span>
        <button type="button" class="quiet" aria-disabled={busy()} data-demo={held().paused ? "resume" : "pause"}
          onClick={() => void order(held().paused ? "resume" : "pause", held().paused ? m.demo.nowRuns : m.demo.nowPaused)}>
          <Icon name={held().paused ? "play" : "pause"} size={14} />{held().paused ? m.demo.resume : m.demo.pause}
        </button>
        <div class="demo-speed" role="group" aria-label={m.demo.speed}>
          <For each={SPEEDS}>{(speed) => (
            <button type="button" aria-pressed={held().speed === speed} aria-label={`${m.demo.speed} ${m.demo.times(speed)}`}
              onClick={() => void order("speed", "", { speed })}>{m.demo.times(speed)}</button>
          )}</For>
        </div>
        <button type="button" class="quiet" data-demo="break-van" onClick={() => void order("break-van", m.demo.broke)}><Icon name="wrench" size={14} /><span>{m.demo.breakVan}</span></button>
        <button type="button" class="quiet" data-demo="rush" onClick={() => void order("rush", m.demo.rushed)}><Icon name="flag" size={14} /><span>{m.demo.rush}</span></button>
      </section>
    )}</Show>
  );
}

/** Asked of the server's health, which answers everywhere: elsewhere nothing is refused, and nothing logged. */
async function isDemo(): Promise<boolean> {
  try {
    const response = await fetch("/health");
    return response.ok && ((await response.json()) as { demo?: boolean }).demo === true;
  } catch {
    return false;
  }
}
