// Whether a visit would fit a person, judged from what the browser knows, for
// the hint under a dragged card. The server decides; this only foretells.
import type { Visit, Worker } from "../api/types";
import { endOf, isOpen, startOf } from "../state/floor";
import { gaps, overlaps, workingSpans, type Span } from "../time";

export type Misfit =
  | { kind: "overlap"; with: Visit }
  | { kind: "hours" }
  | { kind: "timeOff" }
  | { kind: "skill"; missing: string[] };

export function misfits(visit: Visit, worker: Worker, span: Span, others: Visit[], zone: string): Misfit[] {
  const found: Misfit[] = [];
  for (const other of others) {
    if (other.id === visit.id || !isOpen(other) || !other.workerIds.includes(worker.id)) continue;
    if (overlaps({ from: startOf(other), to: endOf(other) }, span)) found.push({ kind: "overlap", with: other });
  }
  for (const off of worker.timeOff ?? []) {
    if (overlaps({ from: Date.parse(off.startsAt), to: Date.parse(off.endsAt) }, span)) {
      found.push({ kind: "timeOff" });
      break;
    }
  }
  const working = workingSpans(worker.workingHours, span, worker.timeZone ?? zone);
  if (gaps(working, span).length > 0) found.push({ kind: "hours" });
  const missing = (visit.requiredSkills ?? []).filter((skill) => !(worker.skills ?? []).includes(skill));
  if (missing.length) found.push({ kind: "skill", missing });
  return found;
}
