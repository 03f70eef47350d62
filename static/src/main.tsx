// Where the page begins: signed in or not decides what is shown.
import { createEffect, createMemo, Show, type JSX } from "solid-js";
import { render } from "solid-js/web";
import { tokens } from "./api/session";
import { floor } from "./state/floor";
import { Console } from "./shell/Console";
import { Sign } from "./shell/Sign";
import { Toasts } from "./shell/Toasts";
import { m } from "./messages";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/board.css";
import "./styles/panels.css";
import "./styles/forms.css";
import "./styles/narrow.css";

function App(): JSX.Element {
  const signedIn = createMemo(() => tokens() !== null);
  createEffect(() => {
    document.title = floor.account ? `${floor.account.name} · ${m.product}` : m.product;
  });
  return (
    <>
      <Show when={signedIn()} fallback={<Sign />}>
        <Console />
      </Show>
      <Toasts />
    </>
  );
}

render(() => <App />, document.getElementById("app")!);
