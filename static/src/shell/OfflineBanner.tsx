// Says how old the picture is while the connection is away, and that it is
// only to be read. A short catching-up is left to the pill.
import { createEffect, createSignal, on, onCleanup, Show, type JSX } from "solid-js";
import { m } from "../messages";
import { link, liveUntil, loaded, zone } from "../state/floor";
import { clock } from "../time";
import { Icon } from "../ui/Icon";

const PATIENCE_MS = 4_000;

export function OfflineBanner(): JSX.Element {
  const [slow, setSlow] = createSignal(false);
  createEffect(on(link, (now) => {
    setSlow(false);
    if (now !== "catchingUp") return;
    const timer = setTimeout(() => setSlow(true), PATIENCE_MS);
    onCleanup(() => clearTimeout(timer));
  }));
  const words = () => m.header.linkSince[link()](clock(liveUntil(), zone()));
  return (
    <Show when={loaded() && (link() === "offline" || (link() === "catchingUp" && slow()))}>
      <div class="banner" role="alert" data-tone={link()}><Icon name="alert" />{words()}</div>
    </Show>
  );
}
