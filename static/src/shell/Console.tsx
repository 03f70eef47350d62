// The dispatcher's console as a whole: queue, board, map, details, and the
// dialogs above them. On a phone the three are tabs.
import { createEffect, For, Match, on, onCleanup, Show, Switch, type JSX } from "solid-js";
import { Board } from "../board/Board";
import { DragGhost } from "../board/DragGhost";
import { Queue } from "../board/Queue";
import { ClientForm } from "../forms/ClientForm";
import { FenceForm } from "../forms/FenceForm";
import { JobForm } from "../forms/JobForm";
import { PhoneForm } from "../forms/PhoneForm";
import { AffectedDialog, TimeOffForm } from "../forms/TimeOffForm";
import { AssignDialog, ClashDialog, MoveDialog, ReasonDialog } from "../forms/VisitDialogs";
import { WorkerForm } from "../forms/WorkerForm";
import { Inspector } from "../inspector/Inspector";
import { MapView } from "../map/MapView";
import { m } from "../messages";
import { closeClash } from "../state/actions";
import { closeDialog, opened, type Opened } from "../state/dialogs";
import { floor, forget, link, loaded, setChosenDate } from "../state/floor";
import { panel, setPanel, singleKeys, useSingleKeys, type Panel } from "../state/preferences";
import { chosen, choose } from "../state/selection";
import { keepInSync } from "../state/sync";
import { Dialog } from "../ui/Dialog";
import { MyDay } from "../field/MyDay";
import { inField } from "../state/may";
import { DemoBar } from "./DemoBar";
import { OfflineBanner } from "./OfflineBanner";
import { Icon, type IconName } from "../ui/Icon";
import { Header } from "./Header";
import { useKeys } from "./keys";
import { routedDate } from "./route";

/** Keeps the floor in step and shows what the role is about: the floor, or one's own day. */
export function Console(): JSX.Element {
  createEffect(() => setChosenDate(routedDate()));
  keepInSync();
  onCleanup(() => {
    choose(null, "keys");
    closeDialog();
    closeClash();
    forget();
  });
  return <Show when={inField()} fallback={<Floor />}><MyDay /></Show>;
}

function Floor(): JSX.Element {
  useKeys();
  createEffect(on(chosen, (choice) => document.body.classList.toggle("inspecting", choice !== null)));
  return (
    <div class="console" data-panel={panel()} data-loaded={loaded()} data-link={link()}>
      <h1 class="sr-only">{floor.account?.name ?? m.product}: {m.board.title}</h1>
      <Header />
      <Show when={loaded()}><DemoBar /></Show>
      <OfflineBanner />
      <main class="floor" classList={{ inspecting: chosen() !== null }}>
        <Queue />
        <Board />
        <div class="right">
          <MapView />
          <Show when={chosen()}><Inspector /></Show>
        </div>
      </main>
      <PanelTabs />
      <DragGhost />
      <Dialogs />
      <ClashDialog />
    </div>
  );
}

function PanelTabs(): JSX.Element {
  const tabs: [Panel, IconName][] = [["queue", "inbox"], ["board", "board"], ["map", "map"]];
  return (
    <nav class="panel-tabs" aria-label={m.product}>
      <For each={tabs}>{([name, icon]) => (
        <button type="button" aria-current={panel() === name ? "page" : undefined} onClick={() => setPanel(name)}><Icon name={icon} size={20} />{m.tabs[name]}</button>
      )}</For>
    </nav>
  );
}

function Dialogs(): JSX.Element {
  const as = <N extends Opened["name"]>(name: N) => {
    const held = opened();
    return held?.name === name ? (held as Extract<Opened, { name: N }>) : undefined;
  };
  const visit = () => {
    const held = opened();
    return held && "visitId" in held ? floor.visits[held.visitId] : undefined;
  };
  return (
    <Switch>
      <Match when={as("client")}>{(held) => <ClientForm place={held().place} />}</Match>
      <Match when={as("job")}>{(held) => <JobForm clientId={held().clientId} />}</Match>
      <Match when={as("worker")}><WorkerForm /></Match>
      <Match when={as("timeOff")}>{(held) => <TimeOffForm workerId={held().workerId} />}</Match>
      <Match when={as("affected")}>{(held) => <AffectedDialog visitIds={held().visitIds} />}</Match>
      <Match when={as("assign") && visit()}>{(held) => <AssignDialog visit={held()} />}</Match>
      <Match when={as("move") && visit()}>{(held) => <MoveDialog visit={held()} />}</Match>
      <Match when={as("reason") && visit()}>{(held) => <ReasonDialog visit={held()} step={as("reason")!.step} />}</Match>
      <Match when={as("phone")}>{(held) => <PhoneForm workerId={held().workerId} />}</Match>
      <Match when={as("fence")}>{(held) => <FenceForm clientId={held().clientId} propertyId={held().propertyId} />}</Match>
      <Match when={as("keys")}><KeysSheet /></Match>
    </Switch>
  );
}

function KeysSheet(): JSX.Element {
  return (
    <Dialog title={m.keys.title} name="keys" wide onClose={closeDialog}>
      <div class="key-groups">
        <For each={m.keys.groups}>{([title, keys]) => (
          <section><h3>{title}</h3>
            <dl class="keys"><For each={keys}>{([key, what]) => <div><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>}</For></dl>
          </section>
        )}</For>
      </div>
      <label class="check"><input type="checkbox" name="singleKeys" checked={singleKeys()} aria-describedby="single-hint"
        onChange={(event) => useSingleKeys(event.currentTarget.checked)} />{m.keys.single}</label>
      <p class="hint" id="single-hint">{m.keys.singleHint}</p>
    </Dialog>
  );
}
