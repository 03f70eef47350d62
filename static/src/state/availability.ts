// Whether somebody takes work, as said by the office.
import { call } from "../api/http";
import { flat, type Resource, type Worker, type WorkerAttributes } from "../api/types";
import { m } from "../messages";
import { setFloor, workerName } from "./floor";
import { complain, inWords, say } from "./notices";

export async function setAvailability(worker: Worker, availability: "available" | "unavailable"): Promise<void> {
  try {
    const answer = await call<Resource<WorkerAttributes>>("PATCH", `/workers/${worker.id}`, {
      body: { data: { type: "worker", attributes: { availability } } },
    });
    const after = flat(answer.data);
    setFloor("workers", worker.id, "availability", after.availability ?? availability);
    say(m.availability.changed(workerName(worker), m.availability[availability]));
  } catch (error) {
    complain(inWords(error));
  }
}
