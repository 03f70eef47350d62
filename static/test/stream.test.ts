// The stream's protocol, frame by frame, without a socket.
import { describe, expect, it } from "vitest";
import { delayBefore, mayComeBack, StreamProtocol, type Effect, type News } from "../src/stream";

const hello = { type: "hello", heartbeatS: 25, maxFrameBytes: 65536, maxSubscriptions: 32 };
const visit = (id: string, version = 1) => ({ type: "visit", id, attributes: { jobId: "j", status: "scheduled", version } });
const news = (effects: Effect[]): News[] => effects.flatMap((one) => (one.do === "tell" ? [one.news] : []));
const kinds = (effects: Effect[]) => news(effects).map((one) => one.kind);
const sent = (effects: Effect[]) => effects.flatMap((one) => (one.do === "send" ? [one.frame] : []));

function opened(): StreamProtocol {
  const protocol = new StreamProtocol();
  protocol.subscribe({ id: "day", topic: "schedule", from: "a", to: "b" });
  protocol.start();
  protocol.opened(0);
  protocol.received(hello, 0);
  return protocol;
}
function caughtUp(): StreamProtocol {
  const protocol = opened();
  protocol.received({ type: "subscribed", id: "day", epoch: "e1", seq: 10 }, 0);
  protocol.received({ type: "snapshot", id: "day", seq: 10, last: true, visits: [visit("v1")] }, 0);
  return protocol;
}
const event = (prev: number, seq: number, more = {}) =>
  ({ type: "event", id: "day", prev, seq, event: { type: "visit.assigned", visit: visit("v1", seq), ...more } });

describe("subscribing", () => {
  it("waits_for_hello_before_it_subscribes", () => {
    const protocol = new StreamProtocol();
    expect(sent(protocol.subscribe({ id: "map", topic: "workers", viewport: [0, 0, 1, 1] }))).toEqual([]);
    protocol.start();
    protocol.opened(0);
    expect(sent(protocol.received(hello, 0))).toEqual([{ type: "subscribe", id: "map", topic: "workers", viewport: [0, 0, 1, 1] }]);
  });
  it("tells_a_new_viewport_at_once", () => {
    const protocol = opened();
    protocol.subscribe({ id: "map", topic: "workers", viewport: [0, 0, 1, 1] });
    expect(sent(protocol.look("map", { viewport: [2, 2, 3, 3], zoom: 5, focus: ["w1"] }))).toEqual([{ type: "update", id: "map", viewport: [2, 2, 3, 3], zoom: 5, focus: ["w1"] }]);
  });
  it("gathers_a_snapshot_that_comes_in_parts", () => {
    const protocol = opened();
    protocol.received({ type: "subscribed", id: "day", epoch: "e1", seq: 10 }, 0);
    expect(kinds(protocol.received({ type: "snapshot", id: "day", seq: 10, last: false, visits: [visit("v1")] }, 0))).toEqual([]);
    const told = news(protocol.received({ type: "snapshot", id: "day", seq: 10, last: true, visits: [visit("v2")] }, 0));
    expect(told[0]).toMatchObject({ kind: "visitsReplaced", visits: [{ id: "v1" }, { id: "v2" }] });
    expect(told[1]).toEqual({ kind: "link", link: "live" });
  });
  it("replaces_and_changes_workers", () => {
    const protocol = opened();
    protocol.subscribe({ id: "map", topic: "workers", viewport: [0, 0, 1, 1] });
    expect(kinds(protocol.received({ type: "snapshot", id: "map", last: true, workers: [{ id: "w" }] }, 0))).toEqual(["workersReplaced"]);
    expect(news(protocol.received({ type: "delta", id: "map", up: [{ id: "w", lat: 1 }], rm: ["x"] }, 0)))
      .toEqual([{ kind: "workersChanged", up: [{ id: "w", lat: 1 }], rm: ["x"] }]);
  });
});

describe("events", () => {
  it("passes_on_what_follows", () => {
    const told = news(caughtUp().received(event(10, 13), 0));
    expect(told).toMatchObject([{ kind: "event", seq: 13, removed: null }]);
  });
  it("ignores_what_it_has_seen", () => {
    expect(caughtUp().received(event(8, 9), 0)).toEqual([]);
  });
  it("drops_the_connection_over_a_gap_and_resumes_from_what_is_certain", () => {
    const protocol = caughtUp();
    protocol.received(event(10, 11), 0);
    expect(protocol.received(event(12, 14), 0)).toContainEqual({ do: "drop" });
    protocol.closed(1006, 0);
    protocol.opened(0);
    expect(sent(protocol.received(hello, 0))[0]).toMatchObject({ resume: { epoch: "e1", seq: 11 } });
  });
  it("says_which_visit_left", () => {
    const protocol = caughtUp();
    expect(news(protocol.received(event(10, 11, { kind: "rm" }), 0))[0]).toMatchObject({ removed: "v1" });
    expect(news(protocol.received({ type: "event", id: "day", prev: 11, seq: 12, event: { type: "visit.removed", visitId: "v9" } }, 0))[0])
      .toMatchObject({ removed: "v9" });
  });
  it("resumes_from_what_the_heartbeat_vouched_for_and_keeps_the_chain_until_then", () => {
    const protocol = caughtUp();
    expect(protocol.received({ type: "heartbeat", upto: { day: 15 } }, 0)).toEqual([]);
    expect(kinds(protocol.received(event(10, 16), 0))).toEqual(["event"]);
    protocol.received({ type: "heartbeat", upto: { day: 20 } }, 0);
    protocol.closed(1006, 0);
    protocol.opened(0);
    expect(sent(protocol.received(hello, 0))[0]).toMatchObject({ resume: { epoch: "e1", seq: 20 } });
    protocol.received({ type: "subscribed", id: "day", epoch: "e1", seq: 21, recovered: true }, 0);
    expect(news(protocol.received(event(20, 21), 0))).toContainEqual({ kind: "link", link: "live" });
  });
});

describe("a map far away", () => {
  const far = (id: string, count = 2) => ({ id, lat: 47, lng: 9, count, online: 1 });
  function mapped(): StreamProtocol {
    const protocol = caughtUp();
    protocol.subscribe({ id: "map", topic: "workers", viewport: [0, 0, 1, 1], zoom: 5 });
    protocol.received({ type: "subscribed", id: "map", tickMs: 1000 }, 0);
    return protocol;
  }
  it("gathers_clusters_beside_the_workers_in_focus", () => {
    const protocol = mapped();
    expect(kinds(protocol.received({ type: "snapshot", id: "map", last: false, workers: [{ id: "w" }], clusters: [far("a")] }, 0))).toEqual([]);
    expect(news(protocol.received({ type: "snapshot", id: "map", last: true, workers: [], clusters: [far("b")] }, 0)).slice(0, 2)).toEqual([
      { kind: "workersReplaced", workers: [{ id: "w" }] },
      { kind: "clustersReplaced", clusters: [far("a"), far("b")] },
    ]);
  });
  it("passes_on_how_clusters_change_and_that_they_go_when_the_map_comes_near", () => {
    const protocol = mapped();
    protocol.received({ type: "snapshot", id: "map", last: true, workers: [], clusters: [far("a")] }, 0);
    expect(news(protocol.received({ type: "delta", id: "map", up: [], rm: [], clusters: [far("a", 3)], rmClusters: ["b"] }, 0)))
      .toContainEqual({ kind: "clustersChanged", up: [far("a", 3)], rm: ["b"] });
    expect(sent(protocol.look("map", { viewport: [0, 0, 1, 1], zoom: 9 }))).toEqual([{ type: "update", id: "map", viewport: [0, 0, 1, 1], zoom: 9 }]);
    expect(news(protocol.received({ type: "delta", id: "map", up: [{ id: "w" }], rm: [], clusters: [], rmClusters: ["a"] }, 0))).toEqual([
      { kind: "workersChanged", up: [{ id: "w" }], rm: [] },
      { kind: "clustersChanged", up: [], rm: ["a"] },
    ]);
    protocol.closed(1006, 0);
    protocol.opened(0);
    expect(sent(protocol.received(hello, 0))).toContainEqual({ type: "subscribe", id: "map", topic: "workers", viewport: [0, 0, 1, 1], zoom: 9 });
    expect(news(protocol.received({ type: "snapshot", id: "map", last: true, workers: [] }, 0)))
      .toContainEqual({ kind: "clustersReplaced", clusters: [] });
  });
  it("tells_few_of_the_viewports_of_a_pan_and_always_the_last", () => {
    const protocol = mapped();
    const frames: Record<string, unknown>[] = [];
    let wakeAt: number | null = null;
    const perform = (effects: Effect[], now: number) => {
      for (const one of effects) {
        if (one.do === "send") frames.push(one.frame);
        if (one.do === "wake") { expect(wakeAt).toBeNull(); wakeAt = now + one.afterMs; }
      }
    };
    for (let now = 1_000; now <= 2_200; now += 1) {
      if (wakeAt !== null && now >= wakeAt) { wakeAt = null; perform(protocol.woken(now), now); }
      if (now < 2_000 && now % 16 === 0) perform(protocol.look("map", { viewport: [now, 0, now + 1, 1] }, now), now);
    }
    expect(frames.length).toBeLessThanOrEqual(12);
    expect(frames.length).toBeGreaterThanOrEqual(9);
    expect(frames.at(-1)).toMatchObject({ type: "update", viewport: [1984, 0, 1985, 1] });
  });
});

describe("who moves what", () => {
  const by = { userId: "u", name: "Ann Roe" };
  it("passes_on_who_holds_a_visit_and_forgets_it_when_the_line_is_cut", () => {
    const protocol = caughtUp();
    expect(news(protocol.received({ type: "holding", id: "day", visitId: "v1", by }, 0))).toEqual([{ kind: "holding", visitId: "v1", by }]);
    expect(news(protocol.received({ type: "holding", id: "day", visitId: "v1", by: null }, 0))).toEqual([{ kind: "holding", visitId: "v1", by: null }]);
    protocol.received({ type: "holding", id: "day", visitId: "v2", by }, 0);
    expect(news(protocol.closed(1006, 0))).toContainEqual({ kind: "holding", visitId: "v2", by: null });
    expect(protocol.received({ type: "holding", id: "gone", visitId: "v1", by }, 0)).toEqual([]);
  });
  it("holds_and_lets_go_on_a_live_line_only", () => {
    const protocol = caughtUp();
    expect(sent(protocol.hold("day", "v1"))).toEqual([{ type: "hold", id: "day", visitId: "v1" }]);
    expect(sent(protocol.release("day", "v1"))).toEqual([{ type: "release", id: "day", visitId: "v1" }]);
    protocol.closed(1006, 0);
    expect(protocol.hold("day", "v1")).toEqual([]);
    expect(protocol.release("day", "v1")).toEqual([]);
  });
});

describe("words that are no events", () => {
  it("tells_a_refusal_and_passes_over_what_it_does_not_know", () => {
    const protocol = caughtUp();
    expect(news(protocol.received({ type: "error", id: "day", code: "BUSY", retryable: true }, 0))).toEqual([{ kind: "refused", code: "BUSY" }]);
    for (const type of ["accepted", "unsubscribed", "something"]) expect(protocol.received({ type }, 0)).toEqual([]);
  });
});

describe("coming back", () => {
  it("is_live_only_after_the_missed_events", () => {
    const protocol = caughtUp();
    protocol.closed(1012, 0);
    protocol.opened(0);
    protocol.received(hello, 0);
    protocol.received({ type: "subscribed", id: "day", epoch: "e1", seq: 12, recovered: true }, 0);
    expect(kinds(protocol.received(event(10, 11), 0))).toEqual(["event"]);
    expect(news(protocol.received(event(11, 12), 0))).toContainEqual({ kind: "link", link: "live" });
  });
  it("starts_afresh_when_the_server_resets", () => {
    const protocol = caughtUp();
    expect(news(protocol.received({ type: "reset", id: "day", epoch: "e2", seq: 90 }, 0))).toEqual([{ kind: "link", link: "catchingUp" }]);
    expect(protocol.received(event(90, 91), 0)).toEqual([]);
    const told = news(protocol.received({ type: "snapshot", id: "day", seq: 90, last: true, visits: [] }, 0));
    expect(told.map((one) => one.kind)).toEqual(["visitsReplaced", "event", "link"]);
  });
  it("waits_longer_each_time_and_never_all_at_once", () => {
    expect(delayBefore(0, 0.999)).toBeLessThanOrEqual(500);
    expect(delayBefore(3, 0.5)).toBe(2000);
    expect(delayBefore(50, 0.999)).toBeLessThanOrEqual(30_000);
  });
  const tenths = (times: number[], span: number) => {
    const counts = Array.from({ length: 10 }, () => 0);
    for (const time of times) { const at = Math.min(9, Math.floor((time / span) * 10)); counts[at] = (counts[at] ?? 0) + 1; }
    return counts;
  };
  const connectsAfter = (effects: Effect[]) => effects.flatMap((one) => (one.do === "connect" ? [one.afterMs] : []))[0] ?? Infinity;
  it("spreads_a_thousand_clients_that_lost_their_server_together", () => {
    let seed = 5;
    const dice = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const times = Array.from({ length: 1000 }, () => {
      const protocol = caughtUp();
      let at = 0;
      // The server is away for a while: nobody gets through before.
      while (at < 20_000) at += connectsAfter(protocol.closed(1006, dice()));
      return at - 20_000;
    });
    const counts = tenths(times, 30_000);
    expect(Math.max(...times)).toBeLessThan(30_000);
    expect(Math.max(...counts)).toBeLessThan(400);
    const firstSecond = times.filter((time) => time < 1_000).length;
    expect(firstSecond).toBeLessThan(200);
  });
  it("spreads_a_thousand_clients_that_were_sent_away_by_a_restart", () => {
    const times = Array.from({ length: 1000 }, (_, n) => {
      const protocol = caughtUp();
      protocol.received({ type: "bye", code: 1012, reason: "restarting", reconnect: true, retryAfterMs: n * 15 }, 0);
      return connectsAfter(protocol.closed(1012, (n * 7 % 10) / 10));
    });
    const counts = tenths(times, 15_000);
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(Math.max(...counts)).toBeLessThan(200);
  });
  it("honours_what_the_server_asks_for", () => {
    const protocol = caughtUp();
    protocol.received({ type: "bye", code: 4029, reason: "slow", reconnect: true, retryAfterMs: 1500 }, 0);
    expect(protocol.closed(1006, 0)).toContainEqual({ do: "connect", afterMs: 1500 });
  });
  it("stays_away_when_told_so", () => {
    for (const code of [4400, 4401, 4403, 4408, 4409, 4429]) {
      expect(mayComeBack(code)).toBe(false);
      expect(kinds(caughtUp().closed(code, 0))).toEqual(["link", "over"]);
    }
    for (const code of [1006, 1012, 4001, 4002, 4029, 4030]) expect(mayComeBack(code)).toBe(true);
  });
  it("gives_up_on_a_silent_connection", () => {
    const protocol = caughtUp();
    expect(protocol.checked(34_000)).toEqual([]);
    expect(protocol.checked(35_001)).toEqual([{ do: "drop" }]);
  });
});
