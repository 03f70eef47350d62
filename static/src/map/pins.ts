// The pictures on the map, drawn once each on a canvas: a disc with initials
// per person, a pin per visit's state. No glyph server, no sprites.
import type { VisitStatus } from "../api/types";

const RATIO = 2;
const FILL: Record<string, string> = {
  idle: "#2563c9", traveling: "#7446c8", onSite: "#0b7f86", inProgress: "#1d7f45", paused: "#a35b00", lost: "#6b7280",
  unscheduled: "#6b7280", unassigned: "#c26a00", scheduled: "#2563c9", completed: "#5b7a66", cancelled: "#8a8f98", noAccess: "#b3372f",
};

export interface Picture { width: number; height: number; data: Uint8ClampedArray; ratio: number }

/** `worker:<tone>:<initials>` or `visit:<status>`; null for a name that is not ours. */
export function draw(name: string): Picture | null {
  const [kind, tone, text] = name.split(":");
  if (kind === "worker") return paint(34, 34, (pen) => disc(pen, FILL[tone ?? "idle"] ?? FILL.idle!, text ?? "", tone === "lost"));
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

function disc(pen: CanvasRenderingContext2D, fill: string, text: string, hollow: boolean): void {
  pen.shadowColor = "rgba(10,20,40,.35)";
  pen.shadowBlur = 3;
  pen.shadowOffsetY = 1;
  pen.beginPath();
  pen.arc(17, 16.5, 13.5, 0, Math.PI * 2);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.shadowColor = "transparent";
  pen.beginPath();
  pen.arc(17, 16.5, 11.5, 0, Math.PI * 2);
  if (hollow) {
    pen.setLineDash([3, 2.5]);
    pen.lineWidth = 1.8;
    pen.strokeStyle = fill;
    pen.stroke();
  } else {
    pen.fillStyle = fill;
    pen.fill();
  }
  pen.fillStyle = hollow ? fill : "#fff";
  pen.font = "600 10.5px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, 17, 17);
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
