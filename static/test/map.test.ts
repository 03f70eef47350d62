// What the map draws, without a map: only what changed, trails with their
// gaps, zones, and the ages of positions.
import { describe, expect, it } from "vitest";
import { Crew, type Dot } from "../src/map/crew";
import { headingOf, opacityOf, toneOf } from "../src/map/features";
import { fencesToFeatures, fenceShape } from "../src/map/fences";
import { schemaOf, tileLayers } from "../src/map/tiles";
import { COLOURS } from "../src/map/colours";
import { metresBetween, nearestOnTrail, trailOf, trailToFeatures } from "../src/map/trail";
import type { Visit } from "../src/api/types";

const dot = (id: string, more: Partial<Dot> = {}): Dot =>
  ({ id, lat: 47, lng: 9, initials: "AB", tone: "idle", opacity: 1, chosen: false, online: true, heading: null, ...more });

describe("crew", () => {
  it("tells_the_map_only_what_changed", () => {
    const crew = new Crew();
    crew.put(dot("a"));
    crew.put(dot("b"));
    expect(crew.take()?.add?.map((one) => one.properties?.id)).toEqual(["a", "b"]);
    crew.put(dot("a"));
    expect(crew.take()).toBeNull();
    crew.put(dot("a", { lat: 48 }));
    crew.put(dot("b", { tone: "lost" }));
    const diff = crew.take()!;
    expect(diff.update).toEqual([
      { id: "a", newGeometry: { type: "Point", coordinates: [9, 48] } },
      { id: "b", addOrUpdateProperties: [{ key: "tone", value: "lost" }, { key: "icon", value: "worker:lost:AB" }, { key: "plain", value: "worker:lost" }] },
    ]);
    expect([diff.add, diff.remove]).toEqual([[], []]);
  });
  it("takes_the_arrow_off_who_stands", () => {
    const crew = new Crew();
    crew.put(dot("a", { heading: 90 }));
    crew.take();
    crew.put(dot("a"));
    expect(crew.take()?.update).toEqual([{ id: "a", removeProperties: ["heading"] }]);
  });
  it("says_nothing_of_who_came_and_went_between_two_frames", () => {
    const crew = new Crew();
    crew.put(dot("a"));
    crew.drop("a");
    expect(crew.take()).toBeNull();
    crew.put(dot("a"));
    crew.take();
    crew.drop("a");
    expect(crew.take()).toEqual({ remove: ["a"], add: [], update: [] });
    crew.put(dot("a"));
    expect(crew.take()?.add).toHaveLength(1);
  });
});

describe("a_position", () => {
  it("fades_with_its_age_and_never_vanishes", () => {
    expect([opacityOf(0), opacityOf(120_000), opacityOf(16 * 60_000), opacityOf(86_400_000)]).toEqual([1, 1, 0.7, 0.35]);
  });
  it("points_somewhere_only_while_it_moves", () => {
    const live = { id: "a", presence: "online" as const, headingDeg: 358, speedMps: 5 };
    expect(headingOf(live)).toBe(0);
    expect(headingOf({ ...live, speedMps: 0.2 })).toBeNull();
    expect(headingOf({ ...live, presence: "stale" })).toBeNull();
    expect([toneOf(live), toneOf({ ...live, presence: "stale" }), toneOf({ ...live, visitStatus: "onSite" })]).toEqual(["idle", "stale", "onSite"]);
  });
});

describe("trail", () => {
  const row = (minute: number, lng: number, more = {}) => {
    const at = new Date(Date.UTC(2026, 10, 23, 8, minute)).toISOString();
    return { type: "trackPoint", id: String(minute), attributes: { at, receivedAt: at, lat: 47, lng, flags: [], used: true, ...more } };
  };
  it("counts_what_is_used_breaks_where_nothing_was_heard_and_marks_what_nobody_believes", () => {
    const late = new Date(Date.UTC(2026, 10, 23, 9, 0)).toISOString();
    const trail = trailOf("w", [row(0, 9), row(1, 9.001), row(2, 9.5, { flags: ["jump"], used: false }), row(3, 9.002, { receivedAt: late, flags: ["late"] }), row(30, 9.1), row(31, 9.101),
      row(35, 9.101, { flags: ["jitter"], used: false }), row(39, 9.101, { flags: ["jitter"], used: false }), row(42, 9.102)], { distanceM: 1234 });
    expect([trail.points.length, trail.unused, trail.late]).toEqual([9, 1, 1]);
    expect(trail.distanceM).toBe(1234);
    expect(trailToFeatures(trail).features.map((one) => [one.properties?.part, one.geometry.type])).toEqual([
      ["start", "Point"], ["unused", "Point"], ["used", "LineString"], ["gap", "LineString"],
      ["tremble", "Point"], ["tremble", "Point"], ["used", "LineString"],
    ]);
  });
  it("finds_the_point_under_the_pointer", () => {
    const trail = trailOf("w", [row(0, 9), row(1, 9.01)]);
    expect(nearestOnTrail(trail, { lat: 47, lng: 9.0101 }, 30)?.lng).toBe(9.01);
    expect(nearestOnTrail(trail, { lat: 47, lng: 9.005 }, 30)).toBeNull();
  });
});

describe("zones", () => {
  it("are_circles_of_a_hundred_metres_unless_somebody_drew_another", () => {
    const place = { lat: 47, lng: 9 };
    const ring = fenceShape(place, null)!.coordinates[0]!;
    expect(metresBetween(place, { lng: ring[0]![0]!, lat: ring[0]![1]! })).toBeCloseTo(100, -1);
    expect(fenceShape(place, { type: "polygon", coordinates: [[9, 47], [9.1, 47], [9.1, 47.1]] })!.coordinates[0]).toHaveLength(4);
    expect(fenceShape(null, { type: "circle", radiusM: 50 })).toBeNull();
  });
  it("are_drawn_once_for_each_place_and_the_chosen_one_stands_out", () => {
    const visit = (id: string) => ({ id, location: { lat: 47, lng: 9 } }) as Visit;
    const drawn = fencesToFeatures([visit("a"), visit("b")], () => undefined, "b").features;
    expect(drawn.map((one) => one.properties?.chosen)).toEqual([true]);
  });
});

describe("tiles", () => {
  it("are_styled_for_the_layers_they_have", () => {
    expect([schemaOf(["roads", "water"]), schemaOf(["transportation", "water"]), schemaOf(["strange"])]).toEqual(["protomaps", "openmaptiles", null]);
    for (const [schema, present] of [["protomaps", ["roads", "water"]], ["openmaptiles", ["transportation", "place"]]] as const) {
      const layers = tileLayers(schema, COLOURS.dark, [...present]);
      expect(new Set(layers.map((layer) => "source-layer" in layer && layer["source-layer"]))).toEqual(new Set(present));
      expect(new Set(layers.map((layer) => layer.id)).size).toBe(layers.length);
    }
  });
});
