import { beforeEach, expect, test } from "vitest";
import type { Board } from "./board.gen";
import { hashOf, viewOf } from "./view";
import { Supervisor, type Me, type Stream } from "./supervisor";

class FakeStream implements Stream {
  readyState = 1;
  onopen: Stream["onopen"] = null;
  onmessage: Stream["onmessage"] = null;
  onerror: Stream["onerror"] = null;
  end: () => void = () => undefined;
  addEventListener(_name: string, listener: () => void) {
    this.end = listener;
  }
  close() {
    this.readyState = 2;
  }
}

const INES: Me = { login: "ines", name: "Ines Roth", role: "supervisor" };
const BOARD = { ts: 5_000, calls_total: 1 } as Board;

let me: () => Promise<Me | null>;
let streams: FakeStream[];
let timers: (() => void)[];
let supervisor: Supervisor;

const settled = () => new Promise<void>((done) => setTimeout(done, 0));
const stream = () => streams.at(-1) as FakeStream;
const say = (board: Board) =>
  stream().onmessage?.({ data: JSON.stringify(board) } as MessageEvent);

beforeEach(() => {
  streams = [];
  timers = [];
  me = () => Promise.resolve(INES);
  supervisor = new Supervisor({
    me: () => me(),
    open: () => {
      streams.push(new FakeStream());
      return stream();
    },
    later: (_ms, run) => {
      timers.push(run);
      return () => undefined;
    },
    now: () => 4_000,
  });
});

test("a supervisor sees the newest board, by the server's clock", async () => {
  supervisor.start();
  await settled();
  say(BOARD);
  expect(supervisor.snapshot()).toMatchObject({ door: "open", line: "online", skewMs: 1_000 });
  expect(supervisor.snapshot().board).toEqual(BOARD);
});

test("nobody and an agent are kept outside, and no stream is opened for them", async () => {
  me = () => Promise.resolve(null);
  supervisor.start();
  await settled();
  expect(supervisor.snapshot().door).toBe("signed_out");
  me = () => Promise.resolve({ ...INES, role: "agent" });
  supervisor.start();
  await settled();
  expect(supervisor.snapshot().door).toBe("refused");
  expect(streams).toEqual([]);
});

test("an end of the log-in is found out, and its board is gone", async () => {
  supervisor.start();
  await settled();
  say(BOARD);
  stream().end();
  expect(supervisor.snapshot()).toMatchObject({ line: "waiting", board: BOARD });
  me = () => Promise.resolve(null);
  timers.at(-1)?.();
  await settled();
  expect(supervisor.snapshot()).toMatchObject({ door: "signed_out", board: null });
  expect(streams).toHaveLength(1);
});

test("a refused stream is asked for again, a lost one is left to the browser", async () => {
  supervisor.start();
  await settled();
  stream().onerror?.(new Event("error"));
  expect([timers.length, supervisor.snapshot().line]).toEqual([0, "waiting"]);
  stream().readyState = 2;
  stream().onerror?.(new Event("error"));
  expect(timers).toHaveLength(1);
  timers[0]?.();
  await settled();
  expect(streams).toHaveLength(2);
});

test("a server that is away is asked again", async () => {
  me = () => Promise.reject(new Error("away"));
  supervisor.start();
  await settled();
  expect([supervisor.snapshot().line, timers.length]).toEqual(["waiting", 1]);
});

test("an address names what is looked at", () => {
  for (const view of [
    { kind: "now" },
    { kind: "rulebook" },
    { kind: "models" },
    { kind: "outbox" },
    { kind: "call", id: "pbx/1700000000.12 ä/%" },
  ] as const)
    expect(viewOf(hashOf(view))).toEqual(view);
  expect(viewOf("#/call/%zz")).toEqual({ kind: "now" });
  expect(viewOf("#/elsewhere")).toEqual({ kind: "now" });
});
