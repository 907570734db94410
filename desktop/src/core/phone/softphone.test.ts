import { beforeEach, expect, test } from "vitest";
import type { Desktop } from "../desk";
import { close, hello, offer } from "../frames.fixture";
import { apply, EMPTY } from "../store";
import type { MicrophoneTrouble } from "./microphone";
import type { Phone, PhoneLogIn } from "./phone";
import { advance, SILENT, type PhoneEvent } from "./phone_state";
import { GHOST_MS, Softphone } from "./softphone";
import type { Seat, TabLeader } from "./tab_leader";

const LOG_IN: PhoneLogIn = {
  user: "agent1", domain: "x.invalid", secret: "s", display_name: "Anna", socket: "/agent/sip",
};

class FakePhone implements Phone {
  state = SILENT;
  onChange: Phone["onChange"] = () => undefined;
  did: string[] = [];
  constructor(readonly logIn: PhoneLogIn) {}
  start = () => void this.did.push("start");
  stop = () => void this.did.push("stop");
  answer = (id: string) => void this.did.push(`answer ${id}`);
  decline = (id: string) => void this.did.push(`decline ${id}`);
  hangUp = () => undefined;
  hold = () => undefined;
  mute = () => undefined;
  dtmf = () => undefined;
  transfer = () => undefined;
  tell(event: PhoneEvent) {
    this.state = advance(this.state, event);
    this.onChange(this.state);
  }
}

let desktop: Desktop;
let onDesk: () => void;
let chosen: string[];
let logIn: () => Promise<PhoneLogIn | null>;
let trouble: MicrophoneTrouble | null;
let phones: FakePhone[];
let sit: (seat: Seat) => void;
let isBusy: () => boolean;
let led: string[];
let ring: string[];
let guarded: boolean;
let onDevices: () => void;
let timers: { ms: number; run: () => void }[];
let softphone: Softphone;

const settled = () => new Promise<void>((done) => setTimeout(done, 0));
const phone = () => phones.at(-1) as FakePhone;
const rang = (id = "a"): PhoneEvent => ({
  kind: "rang", id, linkedid: "1.1", number: "+12025550102", name: "",
});

function take(...frames: Parameters<typeof apply>[1][]) {
  desktop = { ...desktop, desk: frames.reduce((desk, frame) => apply(desk, frame, 0), desktop.desk) };
  onDesk();
}

async function leading() {
  take(hello());
  await settled();
  sit("leading");
  await settled();
}

beforeEach(() => {
  desktop = { link: { kind: "online" }, desk: EMPTY };
  chosen = [];
  phones = [];
  led = [];
  ring = [];
  timers = [];
  guarded = false;
  trouble = null;
  logIn = () => Promise.resolve(LOG_IN);
  softphone = new Softphone({
    desk: {
      subscribe: (listener) => {
        onDesk = listener;
        return () => undefined;
      },
      snapshot: () => desktop,
      chooseState: (state) => void chosen.push(state),
    },
    fetchLogIn: () => logIn(),
    makePhone: (one) => {
      phones.push(new FakePhone(one));
      return Promise.resolve(phone());
    },
    makeLeader: (busy, onSeat) => {
      isBusy = busy;
      sit = onSeat;
      const act = (what: string) => () => void led.push(what);
      return { start: act("start"), stop: act("stop"), take: act("take") } as unknown as TabLeader;
    },
    probe: () => Promise.resolve(trouble),
    troubleOf: () => "denied",
    watch: (onChange) => {
      onDevices = onChange;
      return Promise.resolve(() => undefined);
    },
    ring: {
      isAudible: true,
      onAudible: () => undefined,
      start: () => void ring.push("start"),
      stop: () => void ring.push("stop"),
      wake: () => Promise.resolve(),
    },
    guardLeaving: (on) => (guarded = on),
    later: (ms, run) => {
      timers.push({ ms, run });
      return () => undefined;
    },
    random: () => 1,
  });
});

test("an agent with a desk phone sees and starts none of it", async () => {
  logIn = () => Promise.resolve(null);
  take(hello());
  await settled();
  expect(softphone.snapshot().offered).toBe(false);
  expect(led).toEqual([]);
});

test("the tab that leads registers, once the microphone works", async () => {
  take(hello());
  await settled();
  expect(led).toEqual(["start"]);
  expect(phones).toHaveLength(0);
  sit("leading");
  await settled();
  expect(phone().did).toEqual(["start"]);
  sit("following");
  expect(phone().did).toEqual(["start", "stop"]);
  expect(softphone.calls).toBeNull();
});

test("without a microphone there is no phone, and the agent is not ready", async () => {
  trouble = "missing";
  await leading();
  expect(phones).toHaveLength(0);
  expect(chosen).toEqual(["not_ready"]);
  expect(softphone.snapshot().microphone).toEqual({ kind: "trouble", trouble: "missing" });
  take({ v: 4, kind: "agent.state", ts: 1, status: { ...EMPTY.status, state: "not_ready", since: 1 } });
  take({ v: 4, kind: "agent.state", ts: 2, status: { ...EMPTY.status, state: "available", since: 2 } });
  expect(chosen).toEqual(["not_ready", "not_ready"]);
  trouble = null;
  await softphone.checkMicrophone();
  expect(phone().did).toEqual(["start"]);
});

test("a microphone taken away makes not ready, and leaves the call alone", async () => {
  await leading();
  phone().tell(rang());
  phone().tell({ kind: "answered", id: "a", at: 1 });
  trouble = "missing";
  onDevices();
  await settled();
  expect(chosen).toEqual(["not_ready"]);
  expect(phone().did).toEqual(["start"]);
  expect(softphone.snapshot().phone.calls).toHaveLength(1);
});

test("it rings while it rings, and not into a talk", async () => {
  await leading();
  phone().tell(rang());
  expect(ring.at(-1)).toBe("start");
  expect(guarded).toBe(false);
  expect(isBusy()).toBe(true);
  phone().tell({ kind: "answered", id: "a", at: 1 });
  expect(ring.at(-1)).toBe("stop");
  expect(guarded).toBe(true);
  phone().tell(rang("b"));
  expect(ring.at(-1)).toBe("stop");
  phone().tell({ kind: "ended", id: "a", why: "hung_up" });
  expect(ring.at(-1)).toBe("start");
});

test("logging out ends it, and what is under way comes to nothing", async () => {
  let give = (_: PhoneLogIn): void => undefined;
  logIn = () => new Promise((done) => (give = done));
  take(hello());
  desktop = { link: { kind: "signed_out" }, desk: EMPTY };
  onDesk();
  give(LOG_IN);
  await settled();
  expect(led).toEqual(["stop"]);
  expect(softphone.snapshot().offered).toBe(false);
});

test("a server that is away is asked again", async () => {
  logIn = () => Promise.reject(new Error("away"));
  take(hello());
  await settled();
  logIn = () => Promise.resolve(LOG_IN);
  timers.at(-1)?.run();
  await settled();
  expect(softphone.snapshot().offered).toBe(true);
});

test("a refused phone logs in anew, with what the server says now", async () => {
  await leading();
  const first = phone();
  logIn = () => Promise.resolve({ ...LOG_IN, secret: "new" });
  first.tell({ kind: "line", line: "refused" });
  expect(first.did).toEqual(["start"]);
  timers.at(-1)?.run();
  await settled();
  expect(first.did).toEqual(["start", "stop"]);
  expect(phone().logIn.secret).toBe("new");
  phone().tell({ kind: "line", line: "refused" });
  expect(timers.map((timer) => timer.ms)).toEqual([500, 1000]);
});

test("a ring that nobody waits behind any more is ended", async () => {
  await leading();
  take(offer(1));
  phone().tell(rang());
  take(close(2));
  expect(timers.at(-1)?.ms).toBe(GHOST_MS);
  timers.at(-1)?.run();
  expect(phone().did).toEqual(["start"]);
  phone().tell({ kind: "line", line: "ready" });
  timers.at(-1)?.run();
  expect(phone().did).toEqual(["start", "decline a"]);
});

test("a caller offered once more in the meantime is no ghost", async () => {
  await leading();
  take(offer(1));
  phone().tell(rang());
  take(close(2));
  take(offer(3));
  timers.at(-1)?.run();
  expect(phone().did).toEqual(["start"]);
});

test("a ring that comes before its pop, after an earlier miss, is no ghost either", async () => {
  await leading();
  take(offer(1), close(2));
  phone().tell(rang());
  take(offer(3));
  expect(timers).toEqual([]);
});
