import { expect, test } from "vitest";
import { claim, hello, offer, wrapup } from "./frames.fixture";
import { AGAIN_MS, Watch } from "./presence";
import type { CallConsult, Colleague, Presence, PresenceWatch, ServerFrame } from "./protocol.gen";
import { apply, consultOf, EMPTY, transferring, type DeskState } from "./store";
import { asFrame, keyOf, targets } from "./transfer";

const anna: Colleague = { login: "anna", name: "Anna", state: "available", activity: "on_call" };
const ben: Colleague = { login: "ben", name: "Ben Okafor", state: "available", activity: "on_call" };
const chen: Colleague = { login: "chen", name: "陈晓", state: null, activity: "idle" };
const zoe: Colleague = { login: "zoe", name: "Zoe", state: "available", activity: "idle" };
const all: Presence = {
  v: 4,
  kind: "presence",
  ts: 1,
  whole: true,
  agents: [anna, ben, chen, zoe],
  queues: ["sales", "support"],
};

function after(...frames: ServerFrame[]): DeskState {
  return frames.reduce((state, frame) => apply(state, frame, 1000), EMPTY);
}

function consult(state: CallConsult["state"], id = "p1"): CallConsult {
  return { v: 4, kind: "call.consult", ts: 1, pop_id: id, target: "ben", name: "Ben Okafor", state };
}

function found(typed: string): string[] {
  return targets(after(hello(), all), "anna", typed).map(keyOf);
}

test("a call goes to anybody but oneself, the free ones first, or to a queue", () => {
  expect(found("")).toEqual([
    "colleague zoe",
    "colleague ben",
    "colleague chen",
    "queue sales",
    "queue support",
  ]);
});

test("what is typed narrows by name and log-in, and a number is itself a target", () => {
  expect(found(" OKA ")).toEqual(["colleague ben"]);
  expect(found("晓")).toEqual(["colleague chen"]);
  expect(found("s")).toEqual(["queue sales", "queue support"]);
  expect(found("85-00")).toEqual(["number 8500"]);
  expect(found("+49")).toEqual([]);
});

test("each target is named to the server as it knows it", () => {
  const state = after(hello(), all);
  const [first, queue] = [targets(state, "anna", "ben")[0], targets(state, "anna", "sales")[0]];
  const [number] = targets(state, "anna", "10 2");
  if (!first || !queue || !number) throw new Error();
  const frame = { kind: "call.transfer", pop_id: "p1" };
  expect(asFrame("p1", first, "attended")).toEqual({ ...frame, how: "attended", target: "ben", to: "phone" });
  expect(asFrame("p1", queue, "blind")).toEqual({ ...frame, how: "blind", target: "sales", to: "queue" });
  expect(asFrame("p1", number, "blind")).toEqual({ ...frame, how: "blind", target: "102", to: "phone" });
});

test("what changes of a colleague is taken over, and everybody anew replaces them", () => {
  const news: Presence = { ...all, whole: false, agents: [{ ...ben, activity: "idle" }], queues: [] };
  const state = after(hello(), all, news);
  expect(state.colleagues.map((one) => one.activity)).toEqual(["on_call", "idle", "idle", "idle"]);
  expect(state.queues).toEqual(["sales", "support"]);
  expect(apply(state, { ...all, agents: [chen] }, 0).colleagues).toEqual([chen]);
});

test("only an answered call's box opens, and it closes with the call", () => {
  let state = after(hello(), offer(1));
  expect(transferring(state, "p1")).toBe(state);
  state = transferring(apply(state, claim(2), 0), "p1");
  expect(state.transferring).toBe("p1");
  expect(transferring(state, null).transferring).toBeNull();
  expect(apply(state, wrapup(3), 0).transferring).toBeNull();
});

test("who is asked is shown until it is over, after a reload too, and the box stays open", () => {
  let state = after(hello(), offer(1), claim(2), consult("asking"));
  expect(consultOf(state, "p1")?.state).toBe("asking");
  state = apply(state, consult("talking"), 0);
  expect(state.consults).toHaveLength(1);
  state = apply(state, consult("over"), 0);
  expect([consultOf(state, "p1"), state.transferring]).toEqual([null, "p1"]);
  const [pop] = state.pops;
  if (!pop) throw new Error();
  const snapshot = {
    pop_id: "p1",
    seq: 2,
    state: "claimed" as const,
    content: pop.content,
    offered_at: 1,
    claimed_at: 2,
    closed_at: null,
    close_reason: null,
    wrapup: null,
    note: "",
  };
  const again = after(hello({ pops: [snapshot], consults: [consult("conference")] }));
  expect([consultOf(again, "p1")?.state, again.transferring]).toEqual(["conference", "p1"]);
});

test("the server is asked as long as somebody looks, and anew after a greeting", () => {
  const sent: PresenceWatch[] = [];
  const timers = new Map<() => void, number>();
  const watch = new Watch({
    send: (frame) => sent.push(frame),
    later: (ms, run) => {
      timers.set(run, ms);
      return () => timers.delete(run);
    },
  });
  watch.again();
  expect(sent).toHaveLength(0);
  watch.set(true);
  watch.set(true);
  expect(sent).toEqual([{ kind: "presence.watch" }]);
  expect([...timers.values()]).toEqual([AGAIN_MS]);
  const [run] = timers.keys();
  timers.clear();
  run?.();
  expect([sent.length, timers.size]).toEqual([2, 1]);
  watch.again();
  expect([sent.length, timers.size]).toEqual([3, 1]);
  watch.set(false);
  expect(timers.size).toBe(0);
});
