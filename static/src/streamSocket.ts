// The socket, the timers and the dice for stream.ts: it performs the effects
// and reports what happened. It decides nothing about the protocol.
import { ApiFailure, post, rotate } from "./api/http";
import { tokens } from "./api/session";
import type { Resource } from "./api/types";
import { StreamProtocol, type Effect, type Look, type News, type Topic } from "./stream";

export class LiveStream {
  private readonly protocol = new StreamProtocol();
  private socket: WebSocket | null = null;
  private stopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly watch: ReturnType<typeof setInterval>;
  private readonly onOnline = () => this.hurry();
  /** The browser knows sooner than a heartbeat would. */
  private readonly onOffline = () => this.drop();

  constructor(private readonly hear: (news: News) => void) {
    this.watch = setInterval(() => this.perform(this.protocol.checked(Date.now())), 5_000);
    window.addEventListener("online", this.onOnline);
    window.addEventListener("offline", this.onOffline);
  }

  start(): void {
    this.stopped = false;
    this.perform(this.protocol.start());
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    window.removeEventListener("online", this.onOnline);
    window.removeEventListener("offline", this.onOffline);
    this.perform(this.protocol.stop());
  }

  subscribe(topic: Topic): void {
    this.perform(this.protocol.subscribe(topic));
  }

  unsubscribe(id: string): void {
    this.perform(this.protocol.unsubscribe(id));
  }

  look(id: string, look: Look): void {
    this.perform(this.protocol.look(id, look, Date.now()));
  }

  hold(id: string, visitId: string): void {
    this.perform(this.protocol.hold(id, visitId));
  }

  release(id: string, visitId: string): void {
    this.perform(this.protocol.release(id, visitId));
  }

  private hurry(): void {
    if (!this.timer || this.socket) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.connect();
  }

  private perform(effects: Effect[]): void {
    for (const effect of effects) {
      if (effect.do === "tell") this.tell(effect.news);
      else if (effect.do === "send") this.socket?.send(JSON.stringify(effect.frame));
      else if (effect.do === "drop") this.drop();
      else if (effect.do === "wake") setTimeout(() => this.perform(this.protocol.woken(Date.now())), effect.afterMs);
      else this.connectLater(effect.afterMs);
    }
  }

  private tell(news: News): void {
    this.hear(news);
    // The token has run out, which is no reason to be gone for good.
    if (news.kind === "over" && news.code === 4401) void this.renew();
  }

  private async renew(): Promise<void> {
    const held = tokens();
    if (!held) return;
    const next = await rotate(held.accessToken).catch(() => null);
    if (next) this.start();
  }

  private connectLater(afterMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.connect();
    }, afterMs);
  }

  private async connect(): Promise<void> {
    let ticket: string;
    try {
      const answer = await post<Resource<{ ticket: string }>>("/stream/tickets", "streamTicket", {});
      ticket = answer.data.attributes.ticket;
    } catch (error) {
      const refused = error instanceof ApiFailure && (error.status === 401 || error.status === 403);
      this.perform(this.protocol.closed(refused ? 4403 : 1006, Math.random()));
      return;
    }
    if (this.stopped) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const url = `${scheme}://${location.host}/api/v1/stream?ticket=${encodeURIComponent(ticket)}`;
    const socket = new WebSocket(url, "muster.v1.json");
    this.socket = socket;
    socket.onopen = () => this.socket === socket && this.perform(this.protocol.opened(Date.now()));
    socket.onmessage = (message) => this.socket === socket && this.receive(String(message.data));
    socket.onclose = (event) => this.socket === socket && this.lost(event.code);
  }

  private receive(text: string): void {
    let frame: Record<string, unknown>;
    try {
      frame = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return;
    }
    this.perform(this.protocol.received(frame, Date.now()));
  }

  private drop(): void {
    const socket = this.socket;
    if (!socket) return;
    socket.close(1000);
    // A dead network answers no closing handshake: do not wait for it.
    this.lost(1006);
  }

  private lost(code: number): void {
    this.socket = null;
    this.perform(this.protocol.closed(code, Math.random()));
  }
}
