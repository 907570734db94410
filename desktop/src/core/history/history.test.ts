import { beforeEach, expect, test } from "vitest";
import { CONTENT } from "../frames.fixture";
import type { PastCall, PastCallPage, PastCallTold } from "../protocol.gen";
import type { Pop } from "../store";
import { Gone, type Asked } from "./api";
import { History, QUIET_MS, STORED_MS, withNewest } from "./history";
import { isSeen } from "./place";

function past(id: string): PastCall {
  return {
    pop_id: id,
    ended: "answered",
    offered_at: 1,
    claimed_at: 2,
    released_at: 3,
    closed_at: 4,
    talk_s: 1,
    code: "sale",
    queue: "support",
    number: "+12025550102",
    withheld: false,
    network_name: null,
    name: "Victoria Stone",
    company: null,
    outcome: "unique",
  };
}

function page(next: string | null, ...ids: string[]): PastCallPage {
  return { calls: ids.map(past), next, since: null };
}

function pop(id: string, state: Pop["state"]): Pop {
  return {
    id,
    seq: 1,
    state,
    content: CONTENT,
    offeredAt: 0,
    claimedAt: null,
    closedAt: null,
    closeReason: null,
    wrapup: null,
    note: "",
  };
}

interface Question {
  readonly asked: Asked;
  answer(page: PastCallPage): Promise<void>;
  fail(): Promise<void>;
}

/** A server that answers when the test says so, and a clock that the test moves. */
class World {
  readonly questions: Question[] = [];
  readonly timers = new Map<() => void, number>();
  told: (popId: string) => Promise<PastCallTold> = async () => Promise.reject(new Error("away"));
  readonly history = new History({
    list: (asked) =>
      new Promise((resolve, reject) => {
        this.questions.push({
          asked,
          answer: async (found) => settled(() => resolve(found)),
          fail: async () => settled(() => reject(new Error("away"))),
        });
      }),
    read: (popId) => this.told(popId),
    later: (ms, run) => {
      this.timers.set(run, ms);
      return () => void this.timers.delete(run);
    },
  });

  get state() {
    return this.history.snapshot();
  }

  get last(): Question {
    return this.questions.at(-1) as Question;
  }

  shown(): string[] | undefined {
    return this.state.calls?.map((call) => call.pop_id);
  }

  /** What waits for so many milliseconds is done. */
  pass(ms: number): void {
    for (const [run, after] of [...this.timers]) {
      if (after !== ms) continue;
      this.timers.delete(run);
      run();
    }
  }
}

async function settled(act: () => void): Promise<void> {
  act();
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

let world: World;
beforeEach(() => {
  world = new World();
});

async function listed(next: string | null, ...ids: string[]): Promise<void> {
  world.history.open();
  await world.last.answer(page(next, ...ids));
}

test("the list is asked for when it is first opened, and grows", async () => {
  world.history.open();
  expect(world.state).toMatchObject({ busy: "list", calls: null });
  await world.last.answer(page("c1", "b", "a"));
  expect(world.state).toMatchObject({ busy: null, next: "c1" });
  const growing = world.history.more();
  expect(world.last.asked).toEqual({ q: "", before: "c1" });
  await world.history.more();
  expect(world.questions).toHaveLength(2);
  await world.last.answer(page(null, "a", "z"));
  await growing;
  expect(world.shown()).toEqual(["b", "a", "z"]);
  expect(world.state.next).toBeNull();
});

test("letters typed one after the other are one question", async () => {
  await listed(null, "a");
  for (const typed of ["s", "st", "stone "]) world.history.type(typed);
  expect(world.questions).toHaveLength(1);
  world.pass(QUIET_MS);
  expect(world.questions).toHaveLength(2);
  expect(world.last.asked).toEqual({ q: "stone", before: null });
  expect(world.shown()).toEqual(["a"]);
  await world.last.answer({ ...page(null), since: 7 });
  expect(world.state).toMatchObject({ calls: [], since: 7, busy: null });
});

test("what is put before the list, or after it, answers the search that is listed", async () => {
  await listed("c1", "b");
  world.history.heed([pop("c", "claimed")]);
  world.history.type("stone");
  world.pass(STORED_MS);
  expect(world.last.asked).toEqual({ q: "", before: null });
  await world.last.answer(page("c1", "c", "b"));
  expect(world.shown()).toEqual(["c", "b"]);
  void world.history.more();
  expect(world.last.asked).toEqual({ q: "", before: "c1" });
  world.pass(QUIET_MS);
  expect(world.last.asked).toEqual({ q: "stone", before: null });
});

test("frames that change nothing here are not told", () => {
  let told = 0;
  world.history.subscribe(() => (told += 1));
  world.history.heed([pop("a", "claimed")]);
  expect(told).toBe(0);
});

test("a late answer to an older question is dropped", async () => {
  await listed(null, "a");
  world.history.type("one");
  world.pass(QUIET_MS);
  const first = world.last;
  world.history.type("two");
  void world.history.ask();
  expect(world.timers.size).toBe(0);
  await world.last.answer(page(null, "two"));
  await first.answer(page(null, "one"));
  expect(world.shown()).toEqual(["two"]);
});

test("a failure is told, keeps what is shown, and goes with the next answer", async () => {
  await listed("c1", "a");
  const growing = world.history.more();
  await world.last.fail();
  await growing;
  expect(world.state).toMatchObject({ failed: true, busy: null, next: "c1" });
  expect(world.shown()).toEqual(["a"]);
  void world.history.ask();
  await world.last.answer(page(null, "a"));
  expect(world.state.failed).toBe(false);
});

test("a call that rings takes the stage, and gives it back as it was when it is over", async () => {
  await listed(null, "a");
  world.told = async () => ({ call: past("a"), content: CONTENT, note: "n" });
  await world.history.show("a");
  world.history.keepScroll(120);
  world.history.heed([pop("x", "offered")]);
  expect(isSeen(world.state.place)).toBe(false);
  world.history.toggle();
  expect(isSeen(world.state.place)).toBe(false);
  world.history.heed([pop("x", "claimed")]);
  world.history.heed([pop("x", "wrapup")]);
  expect(isSeen(world.state.place)).toBe(false);
  world.history.heed([pop("x", "closed")]);
  expect(isSeen(world.state.place)).toBe(true);
  expect(world.state).toMatchObject({ card: { popId: "a" }, scroll: 120 });
});

test("an agent may look at them during a call, until the next one rings", async () => {
  world.history.heed([pop("x", "claimed")]);
  await listed(null, "a");
  expect(isSeen(world.state.place)).toBe(true);
  world.history.heed([pop("x", "claimed"), pop("y", "offered")]);
  expect(isSeen(world.state.place)).toBe(false);
  world.history.heed([pop("x", "claimed"), pop("y", "claimed")]);
  world.history.toggle();
  expect(isSeen(world.state.place)).toBe(true);
  world.history.toggle();
  expect(world.state.place.open).toBe(false);
  world.history.heed([pop("x", "claimed"), pop("z", "offered")]);
  expect(world.state.place.coveredBy).toEqual([]);
});

test("a call that ended comes to the head of the list", async () => {
  await listed("c1", "b", "a");
  world.history.heed([pop("n", "closed")]);
  world.pass(STORED_MS);
  await world.last.answer(page("c2", "n", "b"));
  expect(world.shown()).toEqual(["n", "b", "a"]);
  expect(world.state).toMatchObject({ next: "c1", busy: null });
});

test("where more is new than a page holds, the page takes the list's place", () => {
  expect(withNewest([past("a")], null, page("c9", "y", "x"))).toEqual({
    calls: [past("y"), past("x")],
    next: "c9",
  });
});

test("a card that is gone, or cannot be read, says which", async () => {
  await world.history.show("a");
  expect(world.state.card).toEqual({ popId: "a", told: null, failed: "away" });
  world.told = async () => Promise.reject(new Gone());
  await world.history.show("b");
  expect(world.state.card?.failed).toBe("gone");
  world.history.back();
  expect(world.state.card).toBeNull();
});

test("the next who logs in finds nothing of the one before", async () => {
  await listed(null, "a");
  world.history.type("stone");
  const before = world.questions.length;
  world.history.forget();
  world.pass(QUIET_MS);
  world.pass(STORED_MS);
  expect(world.questions).toHaveLength(before);
  expect(world.state).toMatchObject({ calls: null, query: "", place: { open: false } });
});
