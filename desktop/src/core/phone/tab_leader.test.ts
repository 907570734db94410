import { beforeEach, expect, test } from "vitest";
import { ANSWER_MS, TabLeader, type ChannelPort, type LockPort, type Seat } from "./tab_leader";

/** Web Locks for one name, as the specification has them: queued, abortable, stealable. */
class FakeLocks implements LockPort {
  private holder: { end: (error?: Error) => void } | null = null;
  private queue: { start: () => void; signal: AbortSignal | undefined }[] = [];

  async request(
    _name: string,
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<void> {
    if (options.steal) {
      const robbed = this.holder;
      this.holder = null;
      const done = this.hold(held);
      robbed?.end(new Error("AbortError"));
      return done;
    }
    if (!this.holder) return this.hold(held);
    if (options.ifAvailable) return held(null);
    return new Promise((resolve, reject) => {
      options.signal?.addEventListener("abort", () => reject(new Error("AbortError")));
      const start = () => void this.hold(held).then(resolve, reject);
      this.queue.push({ start, signal: options.signal });
    });
  }

  private hold(held: (lock: unknown) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const holder = { end: (error?: Error) => (error ? reject(error) : resolve()) };
      this.holder = holder;
      void Promise.resolve(held({})).then(() => {
        resolve();
        if (this.holder !== holder) return;
        this.holder = null;
        this.queue = this.queue.filter((one) => !one.signal?.aborted);
        this.queue.shift()?.start();
      });
    });
  }
}

let locks: FakeLocks;
let channels: FakeChannel[];
let timers: { ms: number; run: () => void; live: boolean }[];

class FakeChannel implements ChannelPort {
  onmessage: ChannelPort["onmessage"] = null;
  constructor() {
    channels.push(this);
  }
  postMessage(message: unknown) {
    for (const other of channels) if (other !== this) other.onmessage?.({ data: message });
  }
  close() {
    channels = channels.filter((one) => one !== this);
  }
}

interface Tab {
  leader: TabLeader;
  busy: boolean;
  seats: Seat[];
}

function tab(name: string): Tab {
  const one: Tab = { busy: false, seats: [], leader: null as unknown as TabLeader };
  one.leader = new TabLeader({
    locks,
    openChannel: () => new FakeChannel(),
    isBusy: () => one.busy,
    onSeat: (seat) => one.seats.push(seat),
    later: (ms, run) => {
      const timer = { ms, run, live: true };
      timers.push(timer);
      return () => (timer.live = false);
    },
    tab: name,
  });
  return one;
}

const settled = () => new Promise<void>((done) => setTimeout(done, 0));

async function two(): Promise<[Tab, Tab]> {
  const [a, b] = [tab("a"), tab("b")];
  a.leader.start();
  await settled();
  b.leader.start();
  await settled();
  return [a, b];
}

beforeEach(() => {
  locks = new FakeLocks();
  channels = [];
  timers = [];
});

test("the first tab has the phone, and the next when it is closed", async () => {
  const [a, b] = await two();
  expect([a.seats, b.seats]).toEqual([["leading"], ["following"]]);
  a.leader.stop();
  await settled();
  expect(b.leader.seat).toBe("leading");
});

test("a tab takes over, and the one before follows and gets it back", async () => {
  const [a, b] = await two();
  b.leader.take();
  await settled();
  expect(a.seats).toEqual(["leading", "following"]);
  expect(b.seats).toEqual(["following", "asking", "leading"]);
  expect(timers.every((timer) => !timer.live)).toBe(true);
  a.leader.take();
  await settled();
  expect([a.leader.seat, b.leader.seat]).toEqual(["leading", "following"]);
});

test("a tab in a call keeps the phone", async () => {
  const [a, b] = await two();
  a.busy = true;
  b.leader.take();
  await settled();
  expect([a.leader.seat, b.leader.seat]).toEqual(["leading", "refused"]);
  a.busy = false;
  b.leader.take();
  await settled();
  expect([a.leader.seat, b.leader.seat]).toEqual(["following", "leading"]);
});

test("a tab that sleeps is not waited for long, and follows when it wakes", async () => {
  const [a, b] = await two();
  (channels[0] as FakeChannel).onmessage = null;
  b.leader.take();
  await settled();
  expect(b.leader.seat).toBe("asking");
  expect(timers.at(-1)?.ms).toBe(ANSWER_MS);
  timers.at(-1)?.run();
  await settled();
  expect([a.leader.seat, b.leader.seat]).toEqual(["following", "leading"]);
});

test("only the tab that asked gets it, though another has waited longer", async () => {
  const [a, b] = await two();
  const c = tab("c");
  c.leader.start();
  await settled();
  c.leader.take();
  await settled();
  expect([a, b, c].map((one) => one.leader.seat)).toEqual(["following", "following", "leading"]);
});

test("a tab that logged out wants nothing any more, and may start again", async () => {
  const [a, b] = await two();
  b.leader.stop();
  a.leader.stop();
  await settled();
  expect([a.leader.seat, b.leader.seat]).toEqual(["waiting", "waiting"]);
  b.leader.start();
  await settled();
  expect(b.leader.seat).toBe("leading");
});
