// The shapes of the public API that the console uses. Only what is read is
// described; the OpenAPI document is the full description.

export type VisitStatus =
  | "unscheduled" | "unassigned" | "scheduled" | "traveling" | "onSite"
  | "inProgress" | "paused" | "completed" | "cancelled" | "noAccess";

export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";
export type Presence = "online" | "stale" | "lost" | "never";
export interface Place { lat: number; lng: number }

export interface Resource<A> { type: string; id: string; attributes: A }

export interface VisitAttributes {
  jobId: string;
  status: VisitStatus;
  startsAt: string | null;
  endsAt: string | null;
  workerIds: string[];
  location: Place | null;
  requiredSkills?: string[];
  priority?: number | null;
  overlapAllowed?: boolean;
  /** The fence says that somebody is there, and nobody has confirmed it yet. */
  arrivalProposedAt?: string | null;
  arrivalProposedBy?: string | null;
  version: number;
}
export type Visit = VisitAttributes & { id: string };

export interface JobAttributes {
  number: number;
  title: string;
  clientId: string;
  propertyId?: string | null;
  status: string;
  priority?: number | null;
  requiredSkills?: string[];
}
export type Job = JobAttributes & { id: string };

export interface Address { street?: string; city?: string; postalCode?: string; country?: string }
/** Corners as GeoJSON has them: longitude first. */
export type Geofence = { type: "circle"; radiusM: number } | { type: "polygon"; coordinates: [number, number][] };
export interface Property { id: string; name?: string | null; address?: Address | null; location?: Place | null; geofence?: Geofence | null; version?: number }
export interface DeviceAttributes {
  workerId: string;
  label: string;
  createdAt: string;
  setup?: Record<string, string> | null;
  qr?: Record<string, string> | null;
}
export interface ClientAttributes {
  displayName?: string;
  firstName?: string | null;
  lastName?: string | null;
  companyName?: string | null;
  email?: string | null;
  phone?: string | null;
  properties?: Property[];
}
export type Client = ClientAttributes & { id: string };

export interface WorkingHours { weekday: Weekday; start: string; end: string }
export interface TimeOff { id: string; startsAt: string; endsAt: string; reason?: string | null }
export interface Live {
  lat?: number | null;
  lng?: number | null;
  headingDeg?: number | null;
  speedMps?: number | null;
  accuracyM?: number | null;
  batteryPct?: number | null;
  charging?: boolean | null;
  at?: string | null;
  presence?: Presence;
  reason?: string | null;
  onShift?: boolean;
  visitStatus?: VisitStatus | null;
}
export interface WorkerAttributes {
  firstName: string;
  lastName: string;
  email?: string | null;
  phone?: string | null;
  skills?: string[];
  status?: string;
  /** His own word, or the office's, that he takes work. */
  available?: boolean;
  /** He agrees to be followed while he works; only he changes it. */
  trackingConsent?: boolean;
  home?: Place | null;
  timeZone?: string | null;
  workingHours?: WorkingHours[] | null;
  timeOff?: TimeOff[] | null;
  live?: Live | null;
}
export type Worker = WorkerAttributes & { id: string };
export type LivePosition = Live & { id: string };

export interface Account { name: string; timeZone: string; currency: string }
export interface Me { id: string; firstName: string; lastName: string; email: string; role: string }
export interface Actor { kind?: string; id?: string }
export interface JournalEvent {
  seq: number;
  type: string;
  at: string;
  /** When it happened, if the server heard of it later. */
  occurredAt?: string | null;
  actor?: Actor | null;
  reason?: string | null;
  visit?: { id: string } | null;
}

export interface ApiError {
  id?: string;
  status?: string | number;
  code: string;
  title?: string;
  detail?: string;
  source?: { pointer?: string; parameter?: string; header?: string };
  meta?: Record<string, unknown>;
}

export interface Conflict { visitId: string; workerId: string; startsAt: string; endsAt: string }

export interface Answer<T> {
  data: T;
  included?: Resource<Record<string, unknown>>[];
  meta?: Record<string, unknown>;
}

/** A resource with its attributes beside its id, as the console keeps it. */
export function flat<A extends object>(resource: Resource<A>): A & { id: string } {
  return { ...resource.attributes, id: resource.id };
}
