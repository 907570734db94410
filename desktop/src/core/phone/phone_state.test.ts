import { expect, test } from "vitest";
import { advance, foremost, inCall, SILENT, type PhoneEvent, type PhoneState } from "./phone_state";

const rang = (id = "a"): PhoneEvent => ({
  kind: "rang",
  id,
  linkedid: "1.1",
  number: "+12025550102",
  name: "V STONE",
});

function after(...events: PhoneEvent[]): PhoneState {
  return events.reduce(advance, SILENT);
}

const talking = [rang(), { kind: "answering", id: "a" }, { kind: "answered", id: "a", at: 5 }] as const;

test("a call rings, is answered, muted, held, resumed, and ends", () => {
  const state = after(
    ...talking,
    { kind: "media", id: "a", up: true },
    { kind: "muted", id: "a", on: true },
    { kind: "held", id: "a", on: true },
  );
  expect(state.calls[0]).toMatchObject({
    phase: "talking", talkingSince: 5, muted: true, held: true, media: true,
  });
  const over = advance(state, { kind: "ended", id: "a", why: "hung_up" });
  expect(over).toMatchObject({ calls: [], lastEnd: { id: "a", why: "hung_up" } });
});

test("what comes too late, twice or for nobody changes nothing at all", () => {
  const state = after(...talking);
  for (const event of [
    rang(),
    { kind: "answering", id: "a" },
    { kind: "answered", id: "a", at: 9 },
    { kind: "media", id: "a", up: false },
    { kind: "ended", id: "b", why: "gone" },
    { kind: "muted", id: "b", on: true },
    { kind: "line", line: "off" },
  ] as const) {
    expect(advance(state, event)).toBe(state);
  }
});

test("a ringing call can be neither held, delayed, transferred nor hung up", () => {
  const state = after(rang());
  for (const event of [
    { kind: "held", id: "a", on: true },
    { kind: "delayed", id: "a", wish: "hold" },
    { kind: "transfer", id: "a", transfer: { target: "1", phase: "asked" } },
    { kind: "hanging_up", id: "a" },
  ] as const) {
    expect(advance(state, event)).toBe(state);
  }
});

test("hanging up forgets what was still wished for", () => {
  const state = after(...talking, { kind: "delayed", id: "a", wish: "hold" }, { kind: "hanging_up", id: "a" });
  expect(state.calls[0]).toMatchObject({ phase: "hanging_up", delayed: null });
});

test("a lost line leaves the call as it is", () => {
  const state = after({ kind: "line", line: "ready" }, ...talking, { kind: "line", line: "lost" });
  expect(state).toMatchObject({ line: "lost", calls: [{ phase: "talking" }] });
  expect(inCall(state)).toBe(true);
});

test("the call talked on comes before one held, and before one that rings", () => {
  const both = after(...talking, rang("b"));
  expect(foremost(both)?.id).toBe("a");
  const second = [both].map((state) =>
    [
      { kind: "held", id: "a", on: true } as const,
      { kind: "answered", id: "b", at: 7 } as const,
    ].reduce<PhoneState>(advance, state),
  )[0] as PhoneState;
  expect(foremost(second)?.id).toBe("b");
  expect(foremost(SILENT)).toBeNull();
  expect(inCall(after(rang()))).toBe(false);
});
