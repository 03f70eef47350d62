// Putting aside an arrival that a fence noticed and that was none.
import { call } from "../api/http";
import type { Resource, Visit, VisitAttributes } from "../api/types";
import { m } from "../messages";
import { flatVisit } from "../stream";
import { putVisit } from "./floor";
import { complain, inWords, say } from "./notices";

export async function dismissArrival(visit: Visit): Promise<void> {
  try {
    const answer = await call<Resource<VisitAttributes>>("POST", `/visits/${visit.id}/dismiss-arrival`, {
      body: { data: { type: "visit", attributes: {} } },
    });
    putVisit(flatVisit(answer.data as unknown as Record<string, unknown>));
    say(m.arrivals.dismissed);
  } catch (error) {
    complain(inWords(error));
  }
}
