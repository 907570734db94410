import { expect, test } from "vitest";
import { claim, close, CONTENT, hello, offer, wrapup } from "./frames.fixture";
import type { ServerFrame } from "./protocol.gen";
import { apply, EMPTY, show, shownPop, type DeskState } from "./store";

function after(...frames: ServerFrame[]): DeskState {
  return frames.reduce((state, frame) => apply(state, frame, 1000), EMPTY);
}

test("a pop goes from offer to wrap-up to closed", () => {
  let state = after(hello(), offer(1));
  expect(shownPop(state)?.state).toBe("offered");
  state = apply(state, claim(2), 0);
  expect(shownPop(state)).toMatchObject({ state: "claimed", claimedAt: 2 });
  state = apply(state, wrapup(3), 0);
  expect(shownPop(state)?.wrapup?.codes).toEqual(["sale"]);
  state = apply(state, close(4), 0);
  expect(shownPop(state)).toMatchObject({ state: "closed", closeReason: "missed" });
});

test("a repeated frame changes nothing at all", () => {
  const state = after(hello(), offer(1), claim(2));
  expect(apply(state, offer(1), 0)).toBe(state);
  expect(apply(state, claim(2), 0)).toBe(state);
});

test("a greeting that resumes keeps the picture; one that does not replaces it", () => {
  const state = after(hello(), offer(1));
  expect(apply(state, hello({ resumed: true, seq: 9 }), 0).pops).toHaveLength(1);
  expect(apply(state, hello({ resumed: true, seq: 9 }), 0).lastSeq).toBe(1);
  const fresh = apply(state, hello({ seq: 7 }), 0);
  expect([fresh.pops.length, fresh.lastSeq, fresh.shown]).toEqual([0, 7, null]);
});

test("an update replaces the content only", () => {
  const content = { ...CONTENT, degraded: ["orders"] };
  const update: ServerFrame = { v: 4, kind: "pop.update", ts: 3, seq: 3, pop_id: "p1", content };
  expect(shownPop(after(hello(), offer(1), claim(2), update))).toMatchObject({
    state: "claimed",
    content: { degraded: ["orders"] },
  });
});

test("ringing pushes nothing aside, answering does", () => {
  let state = after(hello(), offer(1, "a"), claim(2, "a"), wrapup(3, "a"), offer(4, "b"));
  expect(state.shown).toBe("a");
  state = apply(state, claim(5, "b"), 0);
  expect(state.shown).toBe("b");
  expect(show(state, "a").shown).toBe("a");
  expect(show(state, "nobody")).toBe(state);
});

test("when the shown pop closes the most urgent open one is shown", () => {
  const state = after(hello(), offer(1, "a"), offer(2, "b"), close(3, "a"));
  expect(state.shown).toBe("b");
});

test("only the last ten closed pops are kept, every open one is", () => {
  let state = after(hello());
  for (let n = 0; n < 40; n++) {
    state = apply(state, offer(2 * n + 1, `p${n}`), 0);
    if (n % 2) state = apply(state, close(2 * n + 2, `p${n}`), 0);
  }
  expect(state.pops.filter((pop) => pop.state === "closed")).toHaveLength(10);
  expect(state.pops.filter((pop) => pop.state === "offered")).toHaveLength(20);
});

test("a clock that differs is allowed for, time on the way is not", () => {
  expect(apply(EMPTY, hello({ ts: 1000 }), 1030).skewMs).toBe(0);
  expect(apply(EMPTY, hello({ ts: 61_000 }), 1000).skewMs).toBe(60_000);
});

test("a new lead stays until it is dealt with, and a greeting tells those that are left", () => {
  const lead = {
    lead_id: "L-1",
    number: "+12025550150",
    name: "Caller +1 202-555-0150",
    queue: "support",
    dialled: "+18005550100",
    url: null,
    created_at: 1,
  };
  const news: ServerFrame = { v: 4, kind: "lead.new", ts: 1, lead };
  let state = after(hello(), news, news);
  expect(state.leads).toEqual([lead]);
  expect(state.lastSeq).toBe(0);
  state = apply(state, { v: 4, kind: "lead.gone", ts: 2, lead_id: "L-1" }, 0);
  expect(state.leads).toEqual([]);
  expect(after(hello({ leads: [lead], resumed: true })).leads).toEqual([lead]);
});

test("what the agent did today is what the server said last", () => {
  const day = { offered: 2, answered: 1, missed: 1, talk_s: 65, wrapup_s: 9 };
  const state = after(hello({ day }));
  expect(state.day).toEqual(day);
  const more: ServerFrame = { v: 4, kind: "agent.day", ts: 2, day: { ...day, offered: 3 } };
  expect(apply(state, more, 0)).toMatchObject({ day: { offered: 3, missed: 1 }, lastSeq: 0 });
});

test("a wrap-up asked for anew replaces what was asked", () => {
  const asked = wrapup(3);
  const state = after(hello(), offer(1), claim(2), asked);
  if (asked.kind !== "pop.wrapup") throw new Error();
  const longer = { ...asked, seq: 4, wrapup: { ...asked.wrapup, ends_at: 90 } };
  expect(shownPop(apply(state, longer, 0))).toMatchObject({ state: "wrapup", wrapup: { ends_at: 90 } });
});
