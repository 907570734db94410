import { expect, test } from "vitest";
import { bounds, fromField, newDraft, quickTime, toField } from "./plan";

const at = (text: string) => new Date(text).getTime();

test("an hour on, to the whole minute, over midnight and the year", () => {
  expect(quickTime("in_hour", at("2026-12-31T23:10:31"))).toBe("2027-01-01T00:11");
});

test.each([
  ["2026-03-02T17:30", "2026-03-03T09:00", "2026-03-09T09:00"], // a Monday
  ["2026-03-03T08:00", "2026-03-04T09:00", "2026-03-09T09:00"],
  ["2026-03-08T08:00", "2026-03-09T09:00", "2026-03-09T09:00"], // a Sunday
  ["2026-02-28T23:59", "2026-03-01T09:00", "2026-03-02T09:00"],
])("tomorrow and next Monday at nine, from %s", (now, tomorrow, monday) => {
  expect(quickTime("tomorrow", at(now))).toBe(tomorrow);
  expect(quickTime("monday", at(now))).toBe(monday);
});

test("what the field holds is the same moment again, and nothing is no time", () => {
  const ms = at("2026-07-01T14:05");
  expect(fromField(toField(ms))).toBe(ms);
  expect(fromField("")).toBeNull();
  expect(fromField("2026-99-01T00:00")).toBeNull();
});

test("from now on, for a year", () => {
  expect(bounds(at("2026-03-02T17:30"))).toEqual({
    min: "2026-03-02T17:30",
    max: "2027-03-02T17:30",
  });
});

test("each draft has an id of its own, as the server takes it", () => {
  const [first, second] = [newDraft(), newDraft()];
  expect(first.id).toMatch(/^[A-Za-z0-9-]{1,40}$/);
  expect(first.id).not.toBe(second.id);
});
