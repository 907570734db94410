import { beforeEach, expect, test } from "vitest";
import { hello, offer } from "./frames.fixture";
import type { ServerFrame } from "./protocol.gen";
import { AgentSocket, LONGEST_WAIT_MS, SignedOut, waitMs, type Link, type Wire } from "./socket";

class FakeWire implements Wire {
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  sent: unknown[] = [];
  closed = false;
  constructor(readonly lastSeq: number | null) {}
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  say(frame: ServerFrame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
}

let wires: FakeWire[];
let links: Link["kind"][];
let timers: { ms: number; run: () => void; live: boolean }[];
let ticket: () => Promise<string>;
let lastSeq: number | null;
let outdated: number;
let socket: AgentSocket;

const settled = () => new Promise<void>((done) => setTimeout(done, 0));
const wire = () => wires.at(-1) as FakeWire;

beforeEach(() => {
  wires = [];
  links = [];
  timers = [];
  lastSeq = null;
  outdated = 0;
  ticket = () => Promise.resolve("t");
  socket = new AgentSocket({
    ticket: () => ticket(),
    open: (_ticket, seq) => {
      wires.push(new FakeWire(seq));
      return wire();
    },
    lastSeq: () => lastSeq,
    onFrame: (frame) => {
      if ("seq" in frame) lastSeq = frame.seq;
    },
    onLink: (link) => links.push(link.kind),
    onOutdated: () => (outdated += 1),
    later: (ms, run) => {
      const timer = { ms, run, live: true };
      timers.push(timer);
      return () => (timer.live = false);
    },
    random: () => 1,
  });
});

test("greets, breaks, waits, and resumes from the last frame", async () => {
  socket.start();
  await settled();
  expect(wire().lastSeq).toBeNull();
  wire().say(hello());
  wire().say(offer(7));
  wire().onclose?.({ code: 1006 });
  expect(links).toEqual(["connecting", "online", "waiting"]);
  timers.at(-1)?.run();
  await settled();
  expect(wire().lastSeq).toBe(7);
});

test("waits longer each time, up to a limit, and starts over after a greeting", async () => {
  ticket = () => Promise.reject(new Error("away"));
  socket.start();
  for (let n = 0; n < 8; n++) {
    await settled();
    timers.at(-1)?.run();
  }
  await settled();
  expect(timers.map((timer) => timer.ms).slice(0, 4)).toEqual([500, 1000, 2000, 4000]);
  expect(timers.at(-1)?.ms).toBe(LONGEST_WAIT_MS);
  ticket = () => Promise.resolve("t");
  timers.at(-1)?.run();
  await settled();
  wire().say(hello());
  wire().onclose?.({ code: 1006 });
  expect(timers.at(-1)?.ms).toBe(500);
});

test("waiting is spread, so that a thousand desktops do not come back at once", () => {
  expect(waitMs(3, 0)).toBe(1000);
  expect(waitMs(3, 1)).toBe(2000);
});

test("what the agent did meanwhile is sent after the greeting, the newest wish once", async () => {
  socket.start();
  socket.send({ kind: "state.set", state: "available" });
  socket.send({ kind: "disposition", pop_id: "p", code: "sale" });
  socket.send({ kind: "note", pop_id: "p", text: "a" });
  socket.send({ kind: "note", pop_id: "p", text: "ab" });
  socket.send({ kind: "state.set", state: "not_ready" });
  await settled();
  expect(wire().sent).toEqual([]);
  wire().say(hello());
  expect(wire().sent).toEqual([
    { kind: "disposition", pop_id: "p", code: "sale" },
    { kind: "note", pop_id: "p", text: "ab" },
    { kind: "state.set", state: "not_ready" },
  ]);
});

test("a log-in that is over ends the trying", async () => {
  ticket = () => Promise.reject(new SignedOut());
  socket.start();
  await settled();
  expect(links.at(-1)).toBe("signed_out");
  expect(timers).toHaveLength(0);
});

test("stopping closes the wire for good", async () => {
  socket.start();
  await settled();
  const first = wire();
  socket.stop();
  expect(first.closed).toBe(true);
  first.onclose?.({ code: 1000 });
  expect(timers).toHaveLength(0);
});

test("an impatient agent does not wait, and never opens two", async () => {
  socket.start();
  await settled();
  wire().say(hello());
  socket.retryNow();
  wire().onclose?.({ code: 1006 });
  socket.retryNow();
  socket.retryNow();
  await settled();
  expect(wires).toHaveLength(2);
  expect(timers.at(-1)?.live).toBe(false);
});

test("a ticket asked for before signing out opens nothing afterwards", async () => {
  let give = (_ticket: string): void => undefined;
  ticket = () => new Promise((done) => (give = done));
  socket.start();
  const late = give;
  socket.stop();
  ticket = () => Promise.resolve("of the next agent");
  socket.start();
  await settled();
  late("of the agent before");
  await settled();
  expect(wires).toHaveLength(1);
});

test("a server of another version is not listened to, and the page is told", async () => {
  socket.start();
  await settled();
  const stale = wire();
  stale.say({ ...hello(), v: 1 } as unknown as ServerFrame);
  expect(outdated).toBe(1);
  expect(stale.closed).toBe(true);
  expect(links.at(-1)).toBe("waiting");
  socket.send({ kind: "state.set", state: "available" });
  expect(stale.sent).toEqual([]);
});
