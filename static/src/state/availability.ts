// What somebody says of himself: that he takes work, and that he may be
// followed while he works. The office may say the first for him.
import { call } from "../api/http";
import { flat, type Resource, type Worker, type WorkerAttributes } from "../api/types";
import { m } from "../messages";
import { setFloor, workerName } from "./floor";
import { complain, inWords, say } from "./notices";

export async function setAvailable(worker: Worker, available: boolean): Promise<void> {
  const name = workerName(worker);
  await sayOf(worker, { available }, m.availability.changed(name, available ? m.availability.available : m.availability.unavailable));
}

export async function setSharing(worker: Worker, trackingConsent: boolean): Promise<void> {
  await sayOf(worker, { trackingConsent }, trackingConsent ? m.availability.shared : m.availability.unshared);
}

async function sayOf(worker: Worker, attributes: Partial<Pick<Worker, "available" | "trackingConsent">>, words: string): Promise<void> {
  try {
    const answer = await call<Resource<WorkerAttributes>>("PATCH", `/workers/${worker.id}`, { body: { data: { type: "worker", attributes } } });
    const { available, trackingConsent } = flat(answer.data);
    setFloor("workers", worker.id, { available, trackingConsent });
    say(words);
  } catch (error) {
    complain(inWords(error));
  }
}
