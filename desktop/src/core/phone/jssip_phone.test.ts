/** JsSIP itself against a peer that speaks SIP from a script; voices are for the real browser. */

import JsSIP from "jssip";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { JsSipPhone } from "./jssip_phone";
import type { PhoneState } from "./phone_state";
import { SipSocket, type SipWire } from "./sip_socket";

const LOG_IN = {
  user: "agent1",
  domain: "switchboard.invalid",
  secret: "s3cret",
  display_name: "Anna",
  socket: "/agent/sip",
};

/** Asterisk's end of the wire: challenges each REGISTER, takes the second. */
class Peer implements SipWire {
  onopen: SipWire["onopen"] = null;
  onmessage: SipWire["onmessage"] = null;
  onclose: SipWire["onclose"] = null;
  readonly got: string[] = [];
  constructor(private readonly answer: number) {}

  send(text: string) {
    this.got.push(text);
    if (!text.startsWith("REGISTER")) return;
    const asked = text.includes("Authorization:");
    const code = asked ? this.answer : 401;
    const extra = asked
      ? `Contact: ${header(text, "Contact")}\r\n`
      : 'WWW-Authenticate: Digest realm="asterisk", nonce="1", algorithm=MD5, qop="auth"\r\n';
    queueMicrotask(() => this.say(reply(text, `${code} X`, extra)));
  }

  say(message: string) {
    this.onmessage?.({ data: message });
  }

  close() {}

  invite(branch: string, more = "", name = '"V STONE"') {
    this.say(
      [
        "INVITE sip:agent1@x.invalid;transport=ws SIP/2.0",
        `Via: SIP/2.0/WS 127.0.0.1:8088;rport;branch=${branch}`,
        `From: ${name} <sip:+12025550102@switchboard.invalid>;tag=f1`,
        "To: <sip:agent1@x.invalid>",
        "Contact: <sip:asterisk@127.0.0.1:8088;transport=ws>",
        `Call-ID: ${branch}`,
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        ...(more ? [more] : []),
        "Content-Length: 0",
        "",
        "",
      ].join("\r\n"),
    );
  }

  statuses(): string[] {
    return this.got.map((text) => text.split("\r\n")[0] ?? "").filter((line) => line.startsWith("SIP"));
  }
}

function header(message: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, "m").exec(message)?.[1]?.trim() ?? "";
}

function reply(request: string, status: string, extra: string): string {
  const names = ["Via", "From", "Call-ID", "CSeq"];
  const copied = names.map((name) => `${name}: ${header(request, name)}\r\n`).join("");
  const to = `To: ${header(request, "To")};tag=p\r\n`;
  return `SIP/2.0 ${status}\r\n${copied}${to}${extra}Content-Length: 0\r\n\r\n`;
}

const settled = () => new Promise<void>((done) => setTimeout(done, 20));

let peers: Peer[];
let answer: number;
let timers: { ms: number; run: () => void }[];
let phone: JsSipPhone;
let seen: PhoneState[];
const peer = () => peers.at(-1) as Peer;

async function open() {
  await settled();
  peer().onopen?.();
  await settled();
}

// JsSIP refuses calls where there is no WebRTC.
vi.stubGlobal("window", { RTCPeerConnection: class {} });

beforeEach(() => {
  peers = [];
  answer = 200;
  timers = [];
  seen = [];
  const later = (ms: number, run: () => void) => {
    timers.push({ ms, run });
    return () => undefined;
  };
  const socket = new SipSocket(
    {
      ticket: () => Promise.resolve("t"),
      open: () => {
        peers.push(new Peer(answer));
        return peer();
      },
      later,
      random: () => 1,
    },
    LOG_IN.domain,
  );
  phone = new JsSipPhone({
    UA: JsSIP.UA,
    socket,
    logIn: LOG_IN,
    hear: () => undefined,
    onMicrophoneFailed: () => undefined,
    later,
    random: () => 1,
    now: () => 7,
  });
  phone.onChange = (state) => seen.push(state);
});

afterEach(() => phone.stop());

test("registers by digest, under the agent's own name", async () => {
  phone.start();
  await open();
  expect(phone.state.line).toBe("ready");
  expect(peer().got[0]).toContain("From: \"Anna\" <sip:agent1@switchboard.invalid>");
  expect(peer().got[1]).toContain('username="agent1"');
  expect(peer().got.join()).not.toContain("s3cret");
});

test("a queue's call is told with the conversation it belongs to, and can be declined", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bK1", "X-Switchboard-Call: 1700000000.12");
  const [call] = phone.state.calls;
  expect(call).toMatchObject({
    phase: "ringing", linkedid: "1700000000.12", number: "+12025550102", name: "V STONE",
  });
  phone.hangUp("nobody's");
  phone.decline(call?.id ?? "");
  expect(peer().statuses().at(-1)).toBe("SIP/2.0 486 Busy Here");
  expect(phone.state).toMatchObject({ calls: [], lastEnd: { why: "declined" } });
});

test("a hostile name is a text, or no call; the next caller rings all the same", async () => {
  phone.start();
  await open();
  const names = [
    '"<img src=x onerror=alert(1)>"',
    '"\\"; drop"',
    '"unclosed',
    "<sip:a@b>, ",
    `"${"x".repeat(5000)}"`,
    '"\u202e陈晓"',
    '"\0"',
  ];
  names.forEach((name, n) => peer().invite(`z9hG4bKh${n}`, "", name));
  peer().invite("z9hG4bKlast");
  const told = phone.state.calls.map((call) => call.name);
  expect(told[0]).toBe("<img src=x onerror=alert(1)>");
  expect(told.at(-1)).toBe("V STONE");
});

test("a call without the header has no conversation, and goes when the caller does", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bK2");
  expect(phone.state.calls[0]?.linkedid).toBeNull();
  peer().say(
    [
      "CANCEL sip:agent1@x.invalid;transport=ws SIP/2.0",
      "Via: SIP/2.0/WS 127.0.0.1:8088;rport;branch=z9hG4bK2",
      'From: "V STONE" <sip:+12025550102@switchboard.invalid>;tag=f1',
      "To: <sip:agent1@x.invalid>",
      "Call-ID: z9hG4bK2",
      "CSeq: 1 CANCEL",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n"),
  );
  expect(phone.state).toMatchObject({ calls: [], lastEnd: { why: "gone" } });
});

test("what rings when the connection is lost rings no more; the phone comes back by itself", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bK3");
  vi.useFakeTimers();
  peer().onclose?.({ code: 1006, reason: "" });
  expect(phone.state).toMatchObject({ line: "lost", calls: [] });
  // JsSIP's own wait, before it asks the socket again.
  vi.advanceTimersByTime(1000);
  vi.useRealTimers();
  timers.at(-1)?.run();
  await open();
  expect(phone.state.line).toBe("ready");
  expect(peers).toHaveLength(2);
});

test("a refused log-in is told, and not hammered", async () => {
  answer = 403;
  phone.start();
  await open();
  expect(phone.state.line).toBe("refused");
  expect(timers).toHaveLength(0);
});

test("a registration that failed for now is tried again", async () => {
  answer = 503;
  phone.start();
  await open();
  expect(phone.state.line).toBe("connecting");
  expect(timers.map((timer) => timer.ms)).toEqual([500]);
  const tried = peer().got.length;
  timers[0]?.run();
  await settled();
  expect(peer().got.length).toBeGreaterThan(tried);
});

test("a phone that was stopped says nothing more", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bK4");
  phone.stop();
  const count = seen.length;
  expect(phone.state.calls).toEqual([]);
  await settled();
  expect(seen).toHaveLength(count);
  expect(peer().statuses().at(-1)).toBe("SIP/2.0 480 Temporarily Unavailable");
});
