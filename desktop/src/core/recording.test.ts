import { expect, test } from "vitest";
import { claim, hello, offer, wrapup } from "./frames.fixture";
import type { RecordingNow, ServerFrame } from "./protocol.gen";
import { noticeOf } from "./recording";
import { apply, EMPTY, noticed, recordingOf, type DeskState } from "./store";

function after(...frames: ServerFrame[]): DeskState {
  return frames.reduce((state, frame) => apply(state, frame, 1000), EMPTY);
}

function recording(state: RecordingNow["state"], id = "p1"): RecordingNow {
  const since = state === "paused" ? 1 : null;
  return { v: 4, kind: "call.recording", ts: 1, pop_id: id, state, since, mine: since !== null };
}

test("whether a call is recorded is what the server said last, until the agent's part is over", () => {
  let state = after(hello(), offer(1), claim(2), recording("on"), recording("paused"));
  expect(state.recordings).toHaveLength(1);
  expect(recordingOf(state, "p1")?.state).toBe("paused");
  expect(recordingOf(state, "p2")).toBeNull();
  expect(state.lastSeq).toBe(2);
  state = apply(state, wrapup(3), 0);
  expect(state.recordings).toEqual([]);
});

test("a greeting tells how it is, after a reload and where the connection was lost", () => {
  const state = after(hello(), offer(1), claim(2), recording("paused"));
  const again = hello({ resumed: true, recordings: [recording("unsure")] });
  expect(recordingOf(apply(state, again, 0), "p1")?.state).toBe("unsure");
  expect(recordingOf(apply(state, hello({ resumed: true }), 0), "p1")).toBeNull();
});

test("a frame that this page does not know changes nothing", () => {
  const state = after(hello(), offer(1), claim(2));
  const strange = { v: 4, kind: "call.weather", ts: 1, pop_id: "p1" } as unknown as ServerFrame;
  expect(apply(state, strange, 0)).toBe(state);
});

test("nobody is left to believe in a pause that there is not", () => {
  expect(noticeOf(true, true, { state: "paused", ended: false })).toBeNull();
  expect(noticeOf(true, true, { state: "off", ended: false })).toBeNull();
  expect(noticeOf(true, true, { state: "off", ended: true })).toBe("recording_ended");
  for (const state of ["on", "unsure", "something new", undefined]) {
    expect(noticeOf(true, true, { ...(state === undefined ? {} : { state }) })).toBe("pause_failed");
  }
  expect(noticeOf(true, false, { error: "pause_failed" })).toBe("pause_failed");
  expect(noticeOf(true, false, { error: "rate_limited" })).toBe("pause_failed");
  expect(noticeOf(true, false, null)).toBe("pause_failed");
  expect(noticeOf(true, false, { error: "no_call" })).toBe("pause_no_call");
});

test("what does not go on yet is told too", () => {
  expect(noticeOf(false, true, { state: "on" })).toBeNull();
  expect(noticeOf(false, true, { state: "paused" })).toBe("recording_waits");
  expect(noticeOf(false, false, { error: "pause_of_another" })).toBe("pause_of_another");
  expect(noticeOf(false, false, null)).toBe("resume_failed");
});

test("only the last notices are kept", () => {
  let state = EMPTY;
  for (const code of ["a", "b", "c", "d"]) state = noticed(state, code, 1);
  expect(state.notices.map((one) => one.code)).toEqual(["b", "c", "d"]);
});
