// Wall clocks across zones and clock changes.
import { describe, expect, it } from "vitest";
import { addDays, atClock, clock, dateOf, dayStart, daySpan, fromInput, gaps, toInput, weekdayOf, workingSpans } from "../src/time";

const ZURICH = "Europe/Zurich";
const HOUR = 3_600_000;

describe("days", () => {
  it("begin_at_the_zones_midnight", () => {
    expect(new Date(dayStart("2026-12-01", ZURICH)).toISOString()).toBe("2026-11-30T23:00:00.000Z");
    expect(new Date(dayStart("2026-07-01", "America/New_York")).toISOString()).toBe("2026-07-01T04:00:00.000Z");
  });
  it("have_23_or_25_hours_when_the_clock_changes", () => {
    const long = daySpan("2026-10-25", ZURICH);
    const short = daySpan("2026-03-29", ZURICH);
    expect([(long.to - long.from) / HOUR, (short.to - short.from) / HOUR]).toEqual([25, 23]);
  });
  it("follow_each_other", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(weekdayOf("2026-11-23")).toBe("mon");
    expect(dateOf(Date.parse("2026-11-22T23:30:00Z"), ZURICH)).toBe("2026-11-23");
  });
});

describe("clocks", () => {
  it("survive_the_way_through_an_input", () => {
    const at = Date.parse("2026-11-23T09:15:00Z");
    expect(toInput(at, ZURICH)).toBe("2026-11-23T10:15");
    expect(fromInput("2026-11-23T10:15", ZURICH)).toBe(at);
    expect(fromInput("soon", ZURICH)).toBeNull();
  });
  it("know_midnight_by_both_names", () => {
    expect(atClock("2026-11-23", "24:00", ZURICH)).toBe(dayStart("2026-11-24", ZURICH));
    expect(clock(dayStart("2026-11-24", ZURICH), ZURICH)).toBe("00:00");
  });
});

describe("working hours", () => {
  const day = daySpan("2026-11-23", ZURICH);
  it("are_always_when_none_are_set", () => {
    expect(workingSpans([], day, ZURICH)).toEqual([day]);
  });
  it("are_those_of_the_weekday", () => {
    const spans = workingSpans([{ weekday: "mon", start: "08:00", end: "17:00" }, { weekday: "tue", start: "08:00", end: "12:00" }], day, ZURICH);
    expect(spans.map((one) => [clock(one.from, ZURICH), clock(one.to, ZURICH)])).toEqual([["08:00", "17:00"]]);
    expect(gaps(spans, day)).toHaveLength(2);
  });
  it("may_run_past_midnight", () => {
    const spans = workingSpans([{ weekday: "sun", start: "22:00", end: "06:00" }], day, ZURICH);
    expect(spans.map((one) => [clock(one.from, ZURICH), clock(one.to, ZURICH)])).toEqual([["00:00", "06:00"]]);
  });
});
