// Faults of the API find the field they are about.
import { describe, expect, it } from "vitest";
import { ApiFailure } from "../src/api/http";
import { listOf, sortFaults } from "../src/forms/form";

const fault = (pointer: string, detail: string, code = "VALIDATION_ERROR") => ({ code, detail, source: { pointer } });

describe("faults", () => {
  it("go_to_their_fields_all_at_once", () => {
    const failure = new ApiFailure(400, [fault("/data/attributes/owner/email", "Not an address."), fault("/data/attributes/name", "Too long.")]);
    expect(sortFaults(failure, ["name", "owner/email"])).toEqual({ at: { "owner/email": "Not an address.", name: "Too long." } });
  });
  it("go_to_the_nearest_field_above", () => {
    const failure = new ApiFailure(400, [fault("/data/attributes/properties/0/location/lat", "Out of range.")]);
    expect(sortFaults(failure, ["properties/0/location", "name"]).at).toEqual({ "properties/0/location": "Out of range." });
  });
  it("of_no_field_are_told_above_the_form", () => {
    expect(sortFaults(new ApiFailure(401, [{ code: "INVALID_CREDENTIALS" }]), ["email"])).toMatchObject({ at: {}, rest: expect.stringMatching(/password/) });
  });
  it("of_bare_bodies_are_found_too", () => {
    expect(sortFaults(new ApiFailure(400, [fault("/email", "Missing.")]), ["email"]).at).toEqual({ email: "Missing." });
  });
});

it("lists_are_trimmed_and_unique", () => expect(listOf(" gas, heating;gas ,")).toEqual(["gas", "heating"]));
