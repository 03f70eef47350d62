// Pixels, rows and fading: the arithmetic behind board and map.
import { describe, expect, it } from "vitest";
import { boxOf, instantAt, opensAt, stack, visibleRange, xOf, type Axis } from "../src/board/layout";
import { between, boundsOf, opacityOf } from "../src/map/features";

const HOUR = 3_600_000;
const axis: Axis = { from: 0, to: 24 * HOUR, hourWidth: 80 };
const span = (from: number, to: number) => ({ from: from * HOUR, to: to * HOUR });

describe("the axis", () => {
  it("goes_there_and_back", () => expect(instantAt(axis, xOf(axis, 5 * HOUR))).toBe(5 * HOUR));
  it("clips_what_began_yesterday", () => expect(boxOf(axis, span(-2, 1))).toEqual({ left: 0, width: 80 }));
  it("keeps_the_shortest_visit_grabbable", () => expect(boxOf(axis, span(3, 3.05)).width).toBe(14));
  it("opens_where_work_is", () => {
    expect(opensAt(axis, 10 * HOUR, [9 * HOUR])).toBe(8.5 * HOUR);
    expect(opensAt(axis, 1 * HOUR, [9 * HOUR])).toBe(7.5 * HOUR);
  });
});

describe("a lane", () => {
  it("keeps_one_row_without_overlap", () => {
    expect(stack([span(8, 9), span(9, 10)])).toEqual([{ row: 0, rows: 1 }, { row: 0, rows: 1 }]);
  });
  it("splits_only_where_visits_overlap", () => {
    expect(stack([span(8, 10), span(9, 11), span(12, 13)])).toEqual([{ row: 0, rows: 2 }, { row: 1, rows: 2 }, { row: 0, rows: 1 }]);
  });
  it("reuses_a_row_that_is_free_again", () => {
    expect(stack([span(8, 12), span(8, 9), span(10, 11)]).map((one) => one.row)).toEqual([0, 1, 1]);
  });
  it("is_drawn_only_in_sight", () => {
    expect(visibleRange(0, 620, 500)).toEqual([0, 14]);
    expect(visibleRange(31_000, 620, 500)[1]).toBe(500);
  });
});

describe("the map", () => {
  it("fades_a_position_with_its_age", () => {
    expect(opacityOf(60_000)).toBe(1);
    expect(opacityOf(16 * 60_000)).toBeLessThan(0.8);
    expect(opacityOf(9e9)).toBe(0.35);
  });
  it("glides_and_arrives", () => {
    const [from, to] = [{ lat: 0, lng: 0 }, { lat: 1, lng: 2 }];
    expect(between(from, to, 0)).toEqual(from);
    expect(between(from, to, 1)).toEqual(to);
  });
  it("fits_nothing_around_nothing", () => expect(boundsOf([])).toBeNull());
});
