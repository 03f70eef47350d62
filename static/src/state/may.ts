// What the person signed in may do, as far as the console shows or hides it.
// The server decides; this only keeps away what would be refused.
import { floor, link } from "./floor";

const OFFICE = new Set(["owner", "admin", "manager", "dispatcher"]);
const TEAM = new Set(["owner", "admin"]);
const FIELD = new Set(["worker", "limitedWorker"]);

const role = (): string => floor.me?.role ?? "";
/** People who are dispatched: they see their own day and not the floor. */
export const inField = (): boolean => FIELD.has(role());
export const inOffice = (): boolean => OFFICE.has(role());
/** Without a connection the floor is only to be read: what it shows may be out of date. */
export const mayDispatch = (): boolean => inOffice() && link() !== "offline";
export const mayEditTeam = (): boolean => TEAM.has(role()) && link() !== "offline";
export const mayReport = (): boolean => (inOffice() || role() === "worker") && link() !== "offline";
