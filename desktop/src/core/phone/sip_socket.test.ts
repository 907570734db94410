import { beforeEach, expect, test } from "vitest";
import { SignedOut } from "../socket";
import { SipSocket, type SipWire } from "./sip_socket";

class FakeWire implements SipWire {
  onopen: SipWire["onopen"] = null;
  onmessage: SipWire["onmessage"] = null;
  onclose: SipWire["onclose"] = null;
  sent: string[] = [];
  closed = false;
  constructor(readonly ticket: string) {}
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
}

let wires: FakeWire[];
let timers: { ms: number; run: () => void; live: boolean }[];
let tickets: number;
let ticket: () => Promise<string>;
let told: string[];
let socket: SipSocket;

const settled = () => new Promise<void>((done) => setTimeout(done, 0));
const wire = () => wires.at(-1) as FakeWire;

beforeEach(() => {
  wires = [];
  timers = [];
  tickets = 0;
  told = [];
  ticket = () => Promise.resolve(`t${(tickets += 1)}`);
  socket = new SipSocket(
    {
      ticket: () => ticket(),
      open: (one) => {
        wires.push(new FakeWire(one));
        return wire();
      },
      later: (ms, run) => {
        const timer = { ms, run, live: true };
        timers.push(timer);
        return () => (timer.live = false);
      },
      random: () => 1,
    },
    "switchboard.invalid",
  );
  socket.onconnect = () => told.push("connected");
  socket.ondisconnect = () => told.push("disconnected");
  socket.onfinal = (why) => told.push(`final ${why}`);
  socket.onlost = () => told.push("lost");
  socket.onback = () => told.push("back");
  socket.ondata = (data) => told.push(`data ${String(data)}`);
});

test("each connection has a ticket of its own", async () => {
  socket.connect();
  expect(socket.isConnecting()).toBe(true);
  await settled();
  expect(socket.send("too early")).toBe(false);
  wire().onopen?.();
  expect(socket.send("REGISTER")).toBe(true);
  wire().onmessage?.({ data: "200" });
  wire().onclose?.({ code: 1006, reason: "" });
  expect(socket.send("nowhere")).toBe(false);
  timers.at(-1)?.run();
  await settled();
  wire().onopen?.();
  expect(told).toEqual(["connected", "data 200", "lost", "back"]);
  expect(wires.map((one) => one.ticket)).toEqual(["t1", "t2"]);
});

test("attempts that fail are not told, and each waits longer", async () => {
  socket.connect();
  await settled();
  for (let n = 0; n < 3; n++) {
    wire().onclose?.({ code: 1006, reason: "" });
    timers.at(-1)?.run();
    await settled();
  }
  ticket = () => Promise.reject(new Error("away"));
  wire().onclose?.({ code: 1006, reason: "" });
  timers.at(-1)?.run();
  await settled();
  expect(told).toEqual([]);
  expect(timers.map((timer) => timer.ms)).toEqual([500, 1000, 2000, 4000, 8000]);
});

test("what opens and is refused behind the server is not asked ever faster", async () => {
  socket.connect();
  await settled();
  for (let n = 0; n < 3; n++) {
    wire().onopen?.();
    wire().onclose?.({ code: 4502, reason: "Asterisk is away" });
    timers.at(-1)?.run();
    await settled();
  }
  expect(timers.map((timer) => timer.ms)).toEqual([500, 1000, 2000]);
});

test("a server that refuses what it got is left alone for a while", async () => {
  socket.connect();
  await settled();
  wire().onopen?.();
  wire().onmessage?.({ data: "100" });
  wire().onclose?.({ code: 4429, reason: "too many messages" });
  expect(timers.map((timer) => timer.ms)).toEqual([15_000]);
});

test("a log-in that is over, or a phone that is not one's own, is not tried again", async () => {
  for (const [code, why] of [[4401, "signed_out"], [4403, "not_theirs"]] as const) {
    told = [];
    socket.connect();
    await settled();
    wire().onopen?.();
    wire().onclose?.({ code, reason: "" });
    await settled();
    expect(timers).toHaveLength(0);
    expect(told).toEqual(["connected", "lost", `final ${why}`]);
    socket.disconnect();
  }
  ticket = () => Promise.reject(new SignedOut());
  socket.connect();
  await settled();
  expect(timers).toHaveLength(0);
  expect(told.at(-1)).toBe("final signed_out");
  expect(wires).toHaveLength(2);
});

test("a ticket that comes after the end opens nothing", async () => {
  let give = (_ticket: string): void => undefined;
  ticket = () => new Promise((done) => (give = done));
  socket.connect();
  socket.disconnect();
  give("late");
  await settled();
  expect(wires).toHaveLength(0);
});

test("the network that is back is not waited for", async () => {
  ticket = () => Promise.reject(new Error("away"));
  socket.connect();
  await settled();
  ticket = () => Promise.resolve("now");
  socket.retryNow();
  socket.retryNow();
  await settled();
  expect(wires).toHaveLength(1);
  expect(timers[0]?.live).toBe(false);
});
