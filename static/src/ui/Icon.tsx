// The console's icons: strokes on a 24 grid, in the text's colour. Decorative
// always; the words are beside them.
import type { JSX } from "solid-js";
import type { VisitStatus } from "../api/types";

const paths = {
  inbox: "M4 13h4l1.5 3h5L16 13h4M4 13l3-8h10l3 8v6H4z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c.6-4 3.8-6 8-6s7.4 2 8 6",
  userPlus: "M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM3 21c.6-4 3-6 7-6 1.5 0 2.8.300 4 .9M18 14v6M15 17h6",
  route: "M6 19a2 2 0 1 0 0-.1M18 7a2 2 0 1 0 0-.1M8 19h6a3 3 0 0 0 0-6h-4a3 3 0 0 1 0-6h6",
  pin: "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  wrench: "M14.5 6.5a4 4 0 0 0-5.2 5.2L4 17v3h3l5.3-5.3a4 4 0 0 0 5.2-5.2l-2.7 2.7-2.5-.500-.500-2.5z",
  pause: "M9 6v12M15 6v12", play: "M8 5.5v13l10-6.5z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  circleDashed: "M12 3.5a8.5 8.5 0 0 1 4 1M19.6 8.2a8.5 8.5 0 0 1 .6 5M18 18a8.5 8.5 0 0 1-4.2 2.3M9 20a8.5 8.5 0 0 1-4-3.2M3.6 12.5a8.5 8.5 0 0 1 1-4.6M7.5 4.8A8.5 8.5 0 0 1 9 4",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  left: "M14.5 6l-6 6 6 6", right: "M9.5 6l6 6-6 6", down: "M6 9.5l6 6 6-6",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
  plus: "M12 5v14M5 12h14", minus: "M5 12h14",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  alert: "M12 4l9 16H3zM12 10v4M12 17v.5",
  board: "M4 5h16v14H4zM4 10h16M4 14.5h16M9 5v14", map: "M4 6l5-2 6 2 5-2v14l-5 2-6-2-5 2zM9 4v14M15 6v14",
  phone: "M6 3h3l1.5 5-2 1.5a12 12 0 0 0 6 6l1.5-2 5 1.5v3a2 2 0 0 1-2 2C11 20 4 13 4 5a2 2 0 0 1 2-2z",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6", keyboard: "M3 7h18v10H3zM7 10.5h.1M10.5 10.5h.1M14 10.5h.1M17 10.5h.1M8 14h8",
  battery: "M4 8h14v8H4zM20.5 11v2", fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5", out: "M14 4h5v16h-5M4 12h10M10.5 8.5L14 12l-3.5 3.5",
  briefcase: "M4 8h16v11H4zM9 8V5h6v3M4 13h16", building: "M6 20V4h8v16M14 9h4v11M3 20h18M9 8h2M9 12h2M9 16h2", sunbed: "M3 17h18M5 17l3-7 9 3v4M12 5.5a3 3 0 0 1 5.5 1.5",
  flag: "M6 21V4h11l-2 4 2 4H6", overlap: "M4 8h10v8H4zM10 5h10v8", grip: "M9 7v10M13 7v10",
} as const;

export type IconName = keyof typeof paths;

export function Icon(props: { name: IconName; size?: number; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${props.class ?? ""}`} width={props.size ?? 16} height={props.size ?? 16} viewBox="0 0 24 24"
      fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[props.name]} />
    </svg>
  );
}

export const statusIcon: Record<VisitStatus, IconName> = {
  unscheduled: "circleDashed", unassigned: "inbox", scheduled: "calendar", traveling: "route", onSite: "pin",
  inProgress: "wrench", paused: "pause", completed: "check", cancelled: "cross", noAccess: "lock",
};
