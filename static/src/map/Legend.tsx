// What the marks on the map mean: each sign as it is drawn, and its words.
import { createSignal, createUniqueId, For, onMount, Show, type JSX } from "solid-js";
import type { VisitStatus } from "../api/types";
import { m } from "../messages";
import { Icon } from "../ui/Icon";
import type { Tone } from "./features";
import { draw } from "./pins";

const TONES: Tone[] = ["idle", "traveling", "onSite", "inProgress", "paused", "stale", "lost"];
const VISITS: VisitStatus[] = ["unassigned", "scheduled", "inProgress", "paused", "completed", "noAccess"];

export function Legend(): JSX.Element {
  const [shown, setShown] = createSignal(false);
  const id = createUniqueId();
  return (
    <div class="legend" onKeyDown={(event) => {
      if (event.key !== "Escape" || !shown()) return;
      event.stopPropagation();
      setShown(false);
    }}>
      <Show when={shown()}>
        <div class="legend-box" id={id} role="group" aria-label={m.map.legend}>
          <h3>{m.map.legendPeople}</h3>
          <ul>
            <For each={TONES}>{(tone) => <li><Sign name={`worker:${tone}`} />{m.map.tone[tone]}</li>}</For>
            <li><Sign name="direction:traveling" scale={1} />{m.map.legendHeading}</li>
            <li><Sign name="cluster:12:8" scale={0.6} />{m.map.legendCluster}</li>
          </ul>
          <p>{m.map.legendFade}.</p>
          <h3>{m.map.legendVisits}</h3>
          <ul><For each={VISITS}>{(status) => <li><Sign name={`visit:${status}`} />{m.status[status]}</li>}</For></ul>
          <h3>{m.map.legendOther}</h3>
          <ul>
            <li><span class="sign-fence" aria-hidden="true" />{m.map.legendFence}</li>
            <li><span class="sign-trail" aria-hidden="true" />{m.map.legendTrail}</li>
          </ul>
        </div>
      </Show>
      <button type="button" class="float wide" aria-expanded={shown()} aria-controls={shown() ? id : undefined} onClick={() => setShown(!shown())}>
        <Icon name="map" size={14} /><span>{m.map.legendButton}</span>
      </button>
    </div>
  );
}

function Sign(props: { name: string; scale?: number }): JSX.Element {
  let canvas!: HTMLCanvasElement;
  onMount(() => {
    const picture = draw(props.name);
    if (!picture) return;
    canvas.width = picture.width;
    canvas.height = picture.height;
    const size = (pixels: number) => `${(pixels / picture.ratio) * (props.scale ?? 0.74)}px`;
    canvas.style.width = size(picture.width);
    canvas.style.height = size(picture.height);
    canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height), 0, 0);
  });
  return <span class="sign-box" aria-hidden="true"><canvas ref={canvas} /></span>;
}
