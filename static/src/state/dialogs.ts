// Which dialog is open; one at a time, besides the conflict dialog above it.
import { createSignal } from "solid-js";
import type { Place } from "../api/types";

export type Opened =
  | { name: "client"; place?: Place }
  | { name: "job"; clientId?: string }
  | { name: "worker" }
  | { name: "timeOff"; workerId?: string }
  | { name: "assign"; visitId: string }
  | { name: "move"; visitId: string }
  | { name: "reason"; visitId: string; step: "cancel" | "reopen" }
  | { name: "affected"; visitIds: string[] }
  | { name: "phone"; workerId: string }
  | { name: "fence"; clientId: string; propertyId: string }
  | { name: "keys" };

const [opened, setOpened] = createSignal<Opened | null>(null);
export { opened };
export const open = (next: Opened) => setOpened(next);
export const closeDialog = () => setOpened(null);
