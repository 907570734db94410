import { expect, test } from "vitest";
import { answerOf, squares, wayOver } from "./log_in";

test("what each answer means", () => {
  expect(answerOf(200, {})).toEqual({ kind: "in", recoveryCodes: [] });
  expect(answerOf(200, { recovery_codes: ["a"] })).toEqual({ kind: "in", recoveryCodes: ["a"] });
  expect(answerOf(401, { error: "code_wanted" })).toEqual({ kind: "code_wanted" });
  const offer = { enrolment: "t", secret: "s", qr: ["1"] };
  expect(answerOf(401, { error: "enrolment_wanted", ...offer })).toEqual({
    kind: "enrolment_wanted",
    offer,
  });
  for (const [status, error, failure] of [
    [401, "wrong_credentials", "wrong"],
    [400, "bad_request", "wrong"],
    [401, "wrong_code", "wrong_code"],
    [429, "rate_limited", "too_many"],
    [429, "too_many_codes", "too_many_codes"],
    [403, "origin_refused", "unavailable"],
    [503, "unavailable", "unavailable"],
  ] as const) {
    expect(answerOf(status, { error })).toEqual({ kind: "failed", failure });
  }
});

test("the way over the company's log-in comes back to the page that is open", () => {
  expect(wayOver("/supervisor")).toBe("/api/v1/session/oidc?to=supervisor");
  expect(wayOver("/")).toBe("/api/v1/session/oidc");
});

test("a picture's squares, four from the edge", () => {
  expect(squares(["0110", "1001"])).toBe("M5 4h2v1h-2zM4 5h1v1h-1zM7 5h1v1h-1z");
  expect(squares([])).toBe("");
});
