// Every word the console shows, in one place; English first. Functions take
// what varies. No markup and no formatting of times here.
import type { Presence, VisitStatus, Weekday } from "./api/types";

export const m = {
  product: "Muster",
  tagline: "Dispatch that everybody can see.",

  status: {
    unscheduled: "Unscheduled", unassigned: "Unassigned", scheduled: "Scheduled", traveling: "On the way",
    onSite: "On site", inProgress: "In progress", paused: "Paused", completed: "Completed",
    cancelled: "Cancelled", noAccess: "No access",
  } satisfies Record<VisitStatus, string>,
  presence: {
    online: "Online", stale: "Quiet for a while", lost: "Connection lost", never: "Not seen yet",
  } satisfies Record<Presence, string>,
  /** Why somebody is not heard from; `ago` is the age of the last fix. */
  because: {
    OFF_SHIFT: () => "Off shift", LOW_BATTERY: (ago: string) => `Battery was low · ${ago}`, SILENT: (ago: string) => `Silent for ${ago}`,
    NO_POSITION_YET: () => "No position yet", NO_CONSENT: () => "Not sharing", PERMISSION_DENIED: () => "The app may not locate",
    LOCATION_OFF: () => "Location is switched off", AIRPLANE_MODE: () => "Airplane mode", POWER_SAVING: () => "Stopped by power saving",
    CLOCK_WRONG: () => "The phone’s clock is wrong",
  } as Record<string, (ago: string) => string>,
  availability: {
    title: "Availability", available: "Available", unavailable: "Not available", changed: (who: string, state: string) => `${who}: ${state}.`,
    mine: "Available for work", share: "Share my position while I work", shared: "Your position is shared while you work.",
    unshared: "Your position is no longer shared.",
  },
  weekday: {
    mon: "Mon", tue: "Tue", wed: "Wed", thu: "Thu", fri: "Fri", sat: "Sat", sun: "Sun",
  } satisfies Record<Weekday, string>,
  weekdayLong: {
    mon: "Monday", tue: "Tuesday", wed: "Wednesday", thu: "Thursday", fri: "Friday", sat: "Saturday", sun: "Sunday",
  } satisfies Record<Weekday, string>,

  sign: {
    inTitle: "Sign in", inLead: "Welcome back.", inButton: "Sign in",
    upTitle: "Create your account", upLead: "Your company, you, and you are dispatching.", upButton: "Create account",
    noAccount: "New here?", toUp: "Create an account", hasAccount: "Already have an account?", toIn: "Sign in",
    company: "Company", timeZone: "Time zone", currency: "Currency", firstName: "First name", lastName: "Last name",
    email: "E-mail", password: "Password", passwordHint: "At least 8 characters, mixing letters, digits and signs.",
    whichAccount: "Which account?", out: "Sign out", working: "One moment…",
  },

  header: {
    previousDay: "Previous day", nextDay: "Next day", today: "Today", pickDate: "Pick a date",
    search: "Search visits and people", searchShort: "Search", nothingFound: "Nothing found",
    unassigned: "unassigned", late: "late", offline: "offline", atRisk: "at risk", filterOn: "filter on",
    lateHint: "Visits that should have started or ended by now, and those at risk because the one before runs over", offlineHint: "People on shift who are not heard from",
    unassignedHint: "Visits with a time and nobody to do them",
    link: { live: "Live", catchingUp: "Catching up", offline: "Offline" },
    linkHint: {
      live: "Everything you see is current.",
      catchingUp: "Reconnecting; what you see may be some seconds old.",
      offline: "No connection: what you see may be out of date, and changes are not possible.",
    },
    linkSince: {
      live: () => "", catchingUp: (at: string) => `Catching up: what you see is from ${at}.`,
      offline: (at: string) => `No connection since ${at}. What you see may be out of date; changes are possible again when it is back.`,
    },
    toDark: "Dark theme", toLight: "Light theme", me: "Your account", create: "New",
    newJob: "New job", newClient: "New client", newWorker: "New worker", newTimeOff: "Time off",
    shortcuts: "Keyboard shortcuts", zone: (zone: string) => `Times in ${zone}`, zoneShort: (city: string) => `${city} time`,
  },
  tabs: { queue: "Queue", board: "Board", map: "Map" },
  queue: {
    title: "Queue", many: "99+", unassigned: "Unassigned", unscheduled: "No time", late: "Late", done: "Done",
    empty: {
      unassigned: "Every visit of this day has somebody.", unscheduled: "Nothing is waiting for a time.",
      late: "Nothing is late.", done: "Nothing is finished yet.",
    },
    dropHere: "Drop here to take it off the board", noTime: "No time yet",
    hint: "Drag onto a lane, or press “a” to assign.", atRisk: "At risk: the visit before runs over",
  },
  board: {
    title: "Board", grid: "The day, a row for each person", visits: (n: number) => (n === 1 ? "1 visit" : `${n} visits`),
    someOf: (some: number, all: number) => `${some} of ${all}`, clearFilter: "Show everybody",
    noneOf: { offline: "Everybody on shift is heard from.", late: "Nobody is late." },
    people: (n: number) => (n === 1 ? "1 person" : `${n} people`), now: "now",
    lane: (name: string, n: number) => `${name}, ${n === 1 ? "1 visit" : `${n} visits`}`,
    empty: "No workers yet", emptyHint: "Add the people who do the work; each gets a lane here.",
    timeOff: (reason: string) => (reason ? `Time off: ${reason}` : "Time off"), zoomIn: "Zoom in", zoomOut: "Zoom out",
    offShift: "Off shift", inactive: "Inactive", resize: "Drag to change the end",
  },
  holds: { moving: (who: string) => `${who} is moving this` },
  verdict: { fits: "It fits.", asking: "Checking…", title: "Would it fit?" },
  arrivals: {
    title: "Arrivals to confirm", badge: "arrival to confirm", count: (n: number) => (n === 1 ? "1 arrival to confirm" : `${n} arrivals to confirm`),
    none: "No arrivals wait for you.", line: (who: string, at: string) => `${who} seems to have arrived at ${at}.`,
    accept: "Confirm", dismiss: "Not yet", somebody: "Somebody", acceptLabel: (what: string) => `Confirm arrival: ${what}`,
    dismissLabel: (what: string) => `Not arrived yet: ${what}`, dismissed: "The visit stays as it was.",
  },
  myDay: {
    title: "My day", lead: (n: number) => (n === 0 ? "No visits this day." : n === 1 ? "1 visit" : `${n} visits`), directions: "Directions",
    limited: "Your sign-in reports where you are. Your visits are kept by your office.", next: "Next", empty: "Nothing is planned for you on this day.",
    done: "Done", confirm: (step: string, visit: string) => `${step}: ${visit}`,
  },
  demo: {
    title: "Demonstration", pause: "Pause", resume: "Resume", paused: "paused", speed: "Speed", times: (n: number) => `${n}×`,
    breakVan: "Break a van", rush: "Rush: 20 urgent jobs", workers: (n: number) => `${n} simulated workers`,
    broke: "A van broke down.", rushed: "20 urgent jobs came in.", nowPaused: "The demonstration is paused.", nowRuns: "The demonstration runs.",
  },
  map: {
    title: "Map", fit: "Show everything", empty: "Nobody is on the map yet", emptyHint: "People appear as soon as they report where they are, visits when their property has a place.", noMap: "The map cannot be drawn in this browser.",
    fix: (age: string) => `last fix ${age}`, accuracy: (metres: number) => `± ${metres} m`,
    battery: (percent: number) => `battery ${percent} %`, speed: (kmh: number) => `${kmh} km/h`,
    noFix: "no position yet", pick: "Click the map to set the place", picked: "Place set", noPlace: "No place set",
    clearPlace: "Clear",
  },
  ago: {
    now: "just now", seconds: (n: number) => `${n} s`, minutes: (n: number) => `${n} min`,
    hours: (n: number) => `${n} h`, days: (n: number) => (n === 1 ? "1 day" : `${n} days`),
  },

  inspector: {
    visit: "Visit", worker: "Worker", close: "Close details", job: "Job", client: "Client", when: "When", who: "Who",
    where: "Where", skills: "Skills", priority: "Priority", phone: "Phone", email: "E-mail", hours: "Working hours",
    anyHours: "Any time", timeOff: "Time off", position: "Position", history: "History", noHistory: "What happens from now on shows here.",
    nobody: "Nobody yet", unknownClient: "Client", today: "This day", noVisits: "No visits this day.",
    jobNumber: (n: number) => `Job ${n}`, forced: "Allowed to overlap", call: "Call", you: "you", system: "by itself",
    until: (text: string) => `until ${text}`, heard: (at: string) => `heard ${at}`, presence: "Presence", battery: "Battery",
    accuracy: "Accuracy", percent: (n: number) => `${n} %`, metres: (n: number) => `± ${n} m`, lastFix: "Last fix", charging: "charging",
    place: (lat: string, lng: string) => `${lat}, ${lng}`,
  },
  act: {
    startTravel: "On the way", arrive: "Arrived", start: "Start work", resume: "Resume work", pause: "Pause",
    complete: "Complete", noAccess: "No access", cancel: "Cancel visit", reopen: "Reopen",
    assign: "Assign…", move: "Move…", unassign: "Unassign", undo: "Undo",
    saving: "Saving…",
  },
  said: {
    assigned: (visit: string, worker: string) => `${visit} assigned to ${worker}.`,
    moved: (visit: string, when: string) => `${visit} moved to ${when}.`,
    unassigned: (visit: string) => `${visit} is unassigned.`,
    status: (visit: string, status: string) => `${visit}: ${status}.`,
    undone: "Undone.", cannotUndo: "This can no longer be undone: somebody changed the visit since.", nothingToUndo: "There is nothing to undo.",
    undoReason: "Taken back", nobodyOn: (visit: string) => `${visit} has nobody to take off.`,
    cannotMove: (visit: string) => `${visit} can no longer be moved.`,
    created: (what: string) => `${what} created.`, saved: "Saved.",
    changedMeanwhile: "Somebody changed this visit a moment ago. It now shows the latest; please try again.",
    superseded: "This visit belongs to somebody else by now.",
    selected: (what: string) => `${what} selected.`,
    dragging: (visit: string) => `Dragging ${visit}. Escape cancels.`, dragCancelled: "Not moved.",
    offline: "You are offline: nothing was changed.",
    affected: (n: number) => (n === 1 ? "1 visit now lies in this time off" : `${n} visits now lie in this time off`),
    affectedHint: "They were not moved. Choose one to find somebody else for it.",
    linkLost: "Connection lost.", linkBack: "Connected again.",
  },

  dialog: {
    cancel: "Cancel", save: "Save", create: "Create", close: "Close", required: "Required",
    assignTitle: "Assign visit", moveTitle: "Move visit", assignButton: "Assign", moveButton: "Move",
    start: "Start", end: "End", worker: "Worker", workers: "Workers", nobody: "Nobody", minutes: "Length (minutes)",
    findWorker: "Find a worker", free: "Free", distance: (km: string) => `${km} km away`, nearest: "Those who fit first, nearest first.",
    day: "Day", time: "Time", keepWorker: "People", away: "distance unknown", reopenTitle: "Reopen visit", cancelTitle: "Cancel visit",
    reason: "Reason", reopenButton: "Reopen", cancelButton: "Cancel visit", keep: "Keep it",
  },
  conflict: {
    title: "This does not fit", anyway: "Assign anyway", back: "Go back", reason: "Why is it right anyway?",
    reasonHint: "The reason is kept in the history.", notAllowed: "This cannot be overridden.",
    overlap: (worker: string, visit: string, when: string) => `${worker} already has “${visit}”, ${when}.`,
    overlapShort: (visit: string) => `Overlaps “${visit}”.`,
    overlapPlain: "The person already has a visit at this time.",
    hours: (worker: string) => `${worker} does not work at this time.`,
    timeOff: (worker: string) => `${worker} has time off then.`,
    skill: (worker: string, skills: string) => (skills ? `${worker} lacks a required skill: ${skills}.` : `${worker} lacks a required skill.`),
    travel: (worker: string) => `${worker} could not get there in time from the neighbouring visit.`,
    inactive: (worker: string) => `${worker} is no longer active.`,
    wrongState: (status: string) => `That is not possible while the visit is “${status}”.`,
    somebody: "The person",
  },

  form: {
    clientTitle: "New client", jobTitle: "New job", workerTitle: "New worker", timeOffTitle: "Time off",
    companyName: "Company name", firstName: "First name", lastName: "Last name", email: "E-mail", phone: "Phone",
    personOrCompany: "A person’s name, a company’s, or both.",
    property: "Property", propertyName: "Name", propertyDefault: "Main site", street: "Street", city: "City",
    postalCode: "Postal code", country: "Country code", place: "Place",
    client: "Client", chooseClient: "Choose a client", findClient: "Find a client", title: "Title",
    skills: "Required skills", skillsHint: "Separated by commas", priority: "Priority",
    priorities: { 1: "1 · Low", 2: "2", 3: "3 · Normal", 4: "4", 5: "5 · Urgent" } as Record<number, string>,
    withTime: "Give it a time now", start: "Start", end: "End", noClients: "There are no clients yet; create one first.",
    onlyProperty: "The client’s only property", workerSkills: "Skills", password: "First password", home: "Home",
    hours: "Working hours", worksOn: (day: string) => `Works on ${day}`, from: "From", to: "To",
    worker: "Worker", chooseWorker: "Choose a worker", reason: "Reason", reasonHint: "Holiday, illness, training…",
    latitude: "Latitude", longitude: "Longitude",
    badNumber: "This is not a number.", badTime: "Please give a date and a time.",
    endBeforeStart: "The end must be after the start.", needed: "Please fill this in.",
    needName: "Give a person’s or a company’s name.",
  },

  error: {
    NETWORK: "The server cannot be reached. Nothing was changed.",
    INVALID_CREDENTIALS: "E-mail or password is not right.",
    EMAIL_TAKEN: "This e-mail already has an account.",
    LOGIN_LOCKED: "Too many attempts. Please wait a while.",
    RATE_LIMITED: "Too many requests. Please wait a moment.",
    FORBIDDEN: "Your role does not allow this.",
    VALIDATION_ERROR: "Please look at the marked fields.",
    NOT_FOUND: "It no longer exists.",
    UNKNOWN: "Something went wrong.",
  } as Record<string, string>,
  reference: (id: string) => `Reference ${id}`,

  keys: {
    title: "Keyboard shortcuts", single: "Single letters are shortcuts", singleHint: "Turn this off if letters act when you do not mean them to. The others stay.",
    groups: [
      ["Walk", [
        ["↑ ↓ or j k", "Next and previous lane, or item of the queue"], ["← →", "Previous and next visit of a lane"],
        ["Home End", "The name of a lane, and its last visit"], ["Page ↑ ↓", "Eight lanes up or down"],
        ["q", "Queue"], ["b", "Board"], ["i", "Details"], ["Enter", "Open the details"], ["Esc", "Close, or cancel a move"],
      ]],
      ["Do", [
        ["m", "Move to another day, time or person"], ["a", "Assign: who fits, nearest first"], ["u", "Unassign"], ["n", "New job"],
        ["Alt ← →", "Move by 15 minutes; let go of Alt to drop"], ["Alt ↑ ↓", "Move to the lane above or below"], ["Ctrl Z", "Undo"],
      ]],
      ["Go", [
        ["t", "Today"], ["[ ]", "Previous and next day"], ["/", "Search"], ["?", "This sheet"],
      ]],
    ] as [string, [string, string][]][],
  },
  events: {
    "visit.created": "Visit created", "visit.assigned": "Assigned", "visit.unassigned": "Unassigned",
    "visit.moved": "Moved", "visit.travelStarted": "On the way", "visit.arrived": "Arrived",
    "visit.started": "Work started", "visit.paused": "Paused", "visit.completed": "Completed",
    "visit.cancelled": "Cancelled", "visit.noAccess": "No access", "visit.reopened": "Reopened",
    "visit.arrivalProposed": "Arrival noticed", "visit.arrivalDismissed": "Arrival not confirmed", "visit.updated": "Changed", "visit.superseded": "A late report was kept as evidence",
  } as Record<string, string>,
};
