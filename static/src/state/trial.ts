// What the server would say to a placing, without doing it: the verdict shown
// under a drag, in the dialogs, and read aloud to those who use the keyboard.
import { ApiFailure, call } from "../api/http";
import type { Resource, Visit, VisitAttributes } from "../api/types";
import { clashReasons, type Placing } from "./clash";
import { floor } from "./floor";
import { inWords } from "./notices";

export interface Verdict { fits: boolean; reasons: string[] }

const KEPT_MS = 4_000;
const MOST_KEPT = 200;
const kept = new Map<string, { at: number; verdict: Promise<Verdict | null> }>();

/** `null` if the server could not be asked: then nothing is foretold. */
export function foretell(visit: Visit, placing: Placing): Promise<Verdict | null> {
  const version = floor.visits[visit.id]?.version ?? visit.version;
  const key = JSON.stringify([visit.id, version, placing.startsAt, placing.endsAt, placing.workerIds]);
  const found = kept.get(key);
  if (found && Date.now() - found.at < KEPT_MS) return found.verdict;
  if (kept.size > MOST_KEPT) kept.clear();
  const verdict = asked(visit, placing, version);
  kept.set(key, { at: Date.now(), verdict });
  return verdict;
}

async function asked(visit: Visit, placing: Placing, version: number): Promise<Verdict | null> {
  try {
    await call<Resource<VisitAttributes>>("POST", `/visits/${visit.id}/move?dryRun=true`, {
      ifMatch: version, body: { data: { type: "visit", attributes: { ...placing } } },
    });
    return { fits: true, reasons: [] };
  } catch (error) {
    // Somebody changed it meanwhile: the next look, at the newer version, will tell.
    if (!(error instanceof ApiFailure) || error.status === 0 || error.status === 412 || error.status >= 500) return null;
    const reasons = clashReasons({ visit, placing, failure: error });
    return { fits: false, reasons: reasons.length ? reasons : [inWords(error)] };
  }
}
