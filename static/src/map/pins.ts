// The pictures on the map, drawn once each on a canvas: a disc with initials
// per person, a pin per visit's state. No glyph server, no sprites.
import type { VisitStatus } from "../api/types";

const RATIO = 2;
const FILL: Record<string, string> = {
  idle: "#2563c9", traveling: "#7446c8", onSite: "#0b7f86", inProgress: "#1d7f45", paused: "#a35b00", stale: "#6b7280", lost: "#6b7280",
  unscheduled: "#6b7280", unassigned: "#c26a00", scheduled: "#2563c9", completed: "#5b7a66", cancelled: "#8a8f98", noAccess: "#b3372f",
};

export interface Picture { width: number; height: number; data: Uint8ClampedArray; ratio: number }

/** `worker:<tone>[:<initials>]`, `visit:<status>`, `heading:<tone>` around a disc, `direction:<tone>` alone, `cluster:<count>:<tenths online>`; null for a name that is not ours. */
export function draw(name: string): Picture | null {
  const [kind, tone, text] = name.split(":");
  if (kind === "worker") return paint(38, 38, (pen) => worker(pen, tone ?? "idle", text ?? ""));
  if (kind === "heading") return paint(58, 58, (pen) => arrow(pen, FILL[tone ?? "idle"] ?? FILL.idle!));
  if (kind === "direction") {
    return paint(20, 18, (pen) => {
      pen.translate(-19, -1);
      arrow(pen, FILL[tone ?? "idle"] ?? FILL.idle!);
    });
  }
  if (kind === "cluster") {
    const size = tone!.length > 3 ? 52 : tone!.length > 2 ? 46 : 40;
    return paint(size, size, (pen) => cluster(pen, size, tone!, Number(text ?? 10) / 10));
  }
  if (kind === "visit") return paint(26, 32, (pen) => pin(pen, FILL[tone ?? ""] ?? FILL.scheduled!, tone as VisitStatus));
  return null;
}

function paint(width: number, height: number, work: (pen: CanvasRenderingContext2D) => void): Picture | null {
  const canvas = document.createElement("canvas");
  canvas.width = width * RATIO;
  canvas.height = height * RATIO;
  const pen = canvas.getContext("2d");
  if (!pen) return null;
  pen.scale(RATIO, RATIO);
  work(pen);
  const image = pen.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, height: canvas.height, data: image.data, ratio: RATIO };
}

const MIDDLE = 19;
function worker(pen: CanvasRenderingContext2D, tone: string, text: string): void {
  const fill = FILL[tone] ?? FILL.idle!;
  const hollow = tone === "lost";
  shadow(pen, 3);
  circle(pen, MIDDLE, MIDDLE - 0.5, 13.5);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.shadowColor = "transparent";
  circle(pen, MIDDLE, MIDDLE - 0.5, 11.5);
  if (hollow) {
    pen.setLineDash([3, 2.5]);
    pen.lineWidth = 1.8;
    pen.strokeStyle = fill;
    pen.stroke();
    pen.setLineDash([]);
  } else {
    pen.fillStyle = fill;
    pen.fill();
  }
  label(pen, text, MIDDLE, MIDDLE, "600 10.5px system-ui, sans-serif", hollow ? fill : "#fff");
  if (tone !== "idle") badge(pen, tone, fill);
}

/** The state as a sign, for whoever cannot tell the colours. */
function badge(pen: CanvasRenderingContext2D, tone: string, fill: string): void {
  const [x, y] = [30, 29.5];
  circle(pen, x, y, 6.6);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = fill;
  pen.stroke();
  pen.fillStyle = fill;
  pen.lineWidth = 1.7;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  const strokes: Record<string, [number, number][][]> = {
    traveling: [[[-2.2, 0], [2.2, 0]], [[0.2, -2.2], [2.4, 0], [0.2, 2.2]]],
    inProgress: [[[-2.4, 2.4], [0.6, -0.6]], [[0, -2.6], [2.6, 0]]],
    paused: [[[-1.4, -2], [-1.4, 2]], [[1.4, -2], [1.4, 2]]],
    stale: [[[0, -2.6], [0, 0.2], [1.8, 1.2]]],
    lost: [[[-2, -2], [2, 2]], [[2, -2], [-2, 2]]],
  };
  for (const line of strokes[tone] ?? []) {
    pen.beginPath();
    line.forEach(([dx, dy], i) => (i ? pen.lineTo(x + dx, y + dy) : pen.moveTo(x + dx, y + dy)));
    pen.stroke();
  }
  if (tone === "onSite") {
    circle(pen, x, y, 2.4);
    pen.fill();
  }
}

/** Points north; the map turns it. */
function arrow(pen: CanvasRenderingContext2D, fill: string): void {
  shadow(pen, 2);
  pen.beginPath();
  pen.moveTo(29, 4);
  pen.lineTo(36, 15.5);
  pen.quadraticCurveTo(29, 11.5, 22, 15.5);
  pen.closePath();
  pen.fillStyle = fill;
  pen.fill();
  pen.shadowColor = "transparent";
  pen.lineWidth = 1.4;
  pen.strokeStyle = "#fff";
  pen.stroke();
}

function cluster(pen: CanvasRenderingContext2D, size: number, count: string, online: number): void {
  const middle = size / 2;
  const radius = middle - 5;
  shadow(pen, 4);
  circle(pen, middle, middle, radius + 2);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.shadowColor = "transparent";
  circle(pen, middle, middle, radius - 3.5);
  pen.fillStyle = FILL.idle!;
  pen.fill();
  pen.lineWidth = 3;
  pen.beginPath();
  pen.arc(middle, middle, radius - 0.5, 0, Math.PI * 2);
  pen.strokeStyle = "#cfd5de";
  pen.stroke();
  pen.beginPath();
  pen.arc(middle, middle, radius - 0.5, -Math.PI / 2, -Math.PI / 2 + Math.PI * 2 * online);
  pen.strokeStyle = FILL.inProgress!;
  pen.stroke();
  label(pen, count, middle, middle + 0.5, `650 ${count.length > 3 ? 11.5 : 12.5}px system-ui, sans-serif`, "#fff");
}

function circle(pen: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  pen.beginPath();
  pen.arc(x, y, radius, 0, Math.PI * 2);
}
function shadow(pen: CanvasRenderingContext2D, blur: number): void {
  pen.shadowColor = "rgba(10,20,40,.35)";
  pen.shadowBlur = blur;
  pen.shadowOffsetY = 1;
}
function label(pen: CanvasRenderingContext2D, text: string, x: number, y: number, font: string, colour: string): void {
  pen.fillStyle = colour;
  pen.font = font;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y);
}

function pin(pen: CanvasRenderingContext2D, fill: string, status: VisitStatus): void {
  const hollow = status === "unassigned" || status === "unscheduled";
  const shape = () => {
    pen.beginPath();
    pen.moveTo(13, 30);
    pen.bezierCurveTo(13, 30, 3, 19, 3, 12);
    pen.arc(13, 12, 10, Math.PI, 0);
    pen.bezierCurveTo(23, 19, 13, 30, 13, 30);
    pen.closePath();
  };
  pen.shadowColor = "rgba(10,20,40,.35)";
  pen.shadowBlur = 2.5;
  pen.shadowOffsetY = 1;
  shape();
  pen.fillStyle = hollow ? "#fff" : fill;
  pen.fill();
  pen.shadowColor = "transparent";
  shape();
  pen.lineWidth = hollow ? 2.2 : 1.5;
  pen.strokeStyle = hollow ? fill : "#fff";
  pen.stroke();
  mark(pen, hollow ? fill : "#fff", status);
}

function mark(pen: CanvasRenderingContext2D, colour: string, status: VisitStatus): void {
  pen.strokeStyle = colour;
  pen.fillStyle = colour;
  pen.lineWidth = 2;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.beginPath();
  if (status === "completed") {
    pen.moveTo(8.5, 12.3);
    pen.lineTo(11.7, 15.5);
    pen.lineTo(17.5, 9);
    pen.stroke();
  } else if (status === "cancelled" || status === "noAccess") {
    pen.moveTo(9.5, 8.5);
    pen.lineTo(16.5, 15.5);
    pen.moveTo(16.5, 8.5);
    pen.lineTo(9.5, 15.5);
    pen.stroke();
  } else if (status === "paused") {
    pen.moveTo(10.8, 8.5);
    pen.lineTo(10.8, 15.5);
    pen.moveTo(15.2, 8.5);
    pen.lineTo(15.2, 15.5);
    pen.stroke();
  } else {
    pen.arc(13, 12, 3.6, 0, Math.PI * 2);
    pen.fill();
  }
}
