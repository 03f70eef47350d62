// Finds visits and people among what the browser holds, as one types.
import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { clientOf, derived, displayName, jobOf, visitTitle, workerName } from "../state/floor";
import { choose, type Chosen } from "../state/selection";
import { spanWords } from "../state/words";
import { Icon, statusIcon, type IconName } from "../ui/Icon";

interface Hit extends Chosen { title: string; note: string; icon: IconName }
const MOST = 12;

export function Search(): JSX.Element {
  const [text, setText] = createSignal("");
  const [active, setActive] = createSignal(0);
  const [focused, setFocused] = createSignal(false);
  const hits = createMemo<Hit[]>(() => {
    const needle = text().trim().toLowerCase();
    if (!needle) return [];
    const found: Hit[] = [];
    for (const worker of derived.workers()) {
      const skills = (worker.skills ?? []).join(" ");
      if (`${workerName(worker)} ${skills}`.toLowerCase().includes(needle)) {
        found.push({ kind: "worker", id: worker.id, title: workerName(worker), note: (worker.skills ?? []).join(", "), icon: "user" });
      }
    }
    for (const visit of derived.visits()) {
      if (found.length >= MOST * 2) break;
      const client = displayName(clientOf(visit));
      const haystack = `${visitTitle(visit)} ${client} ${jobOf(visit)?.number ?? ""}`.toLowerCase();
      if (haystack.includes(needle)) {
        found.push({ kind: "visit", id: visit.id, title: visitTitle(visit), note: [client, spanWords(visit)].filter(Boolean).join(" · "), icon: statusIcon[visit.status] });
      }
    }
    return found.slice(0, MOST);
  });
  const pick = (hit: Hit | undefined, box: HTMLElement) => {
    if (!hit) return;
    choose({ kind: hit.kind, id: hit.id }, "search");
    setText("");
    box.blur();
  };
  const keys = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setActive((n) => Math.max(0, Math.min(hits().length - 1, n + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter") pick(hits()[active()], event.currentTarget);
    else if (event.key === "Escape") {
      setText("");
      event.currentTarget.blur();
    }
  };
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input type="search" data-search placeholder={m.header.search} aria-label={m.header.search} value={text()} role="combobox"
        aria-expanded={hits().length > 0} aria-controls="search-hits" autocomplete="off"
        onInput={(event) => { setText(event.currentTarget.value); setActive(0); }} onKeyDown={keys}
        onFocus={() => setFocused(true)} onBlur={() => setFocused(false)} />
      <kbd aria-hidden="true">/</kbd>
      <Show when={focused() && text().trim()}>
        <ul class="pick-list" role="listbox" id="search-hits">
          <For each={hits()} fallback={<li class="pick-none">{m.header.nothingFound}</li>}>{(hit, index) => (
            <li role="option" aria-selected={index() === active()}
              onPointerDown={(event) => { event.preventDefault(); pick(hit, document.activeElement as HTMLElement); }}>
              <Icon name={hit.icon} /><span>{hit.title}</span><small>{hit.note}</small>
            </li>
          )}</For>
        </ul>
      </Show>
    </div>
  );
}
