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

const SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=sendrecv\r\n";

/** As much of WebRTC as JsSIP asks of it; no voice passes. */
class Connection extends EventTarget {
  connectionState = "new";
  iceGatheringState = "complete";
  signalingState = "stable";
  localDescription: unknown = null;
  keys = "";
  sender = {
    track: { kind: "audio", enabled: true },
    dtmf: { toneBuffer: "", insertDTMF: (keys: string) => void (this.keys += keys) },
  };
  constructor() {
    super();
    connections.push(this);
  }
  addTrack() {}
  getSenders = () => [this.sender];
  createOffer = () => Promise.resolve({ type: "offer", sdp: SDP });
  createAnswer = () => Promise.resolve({ type: "answer", sdp: SDP });
  setLocalDescription = (one: unknown) => Promise.resolve(void (this.localDescription = one));
  setRemoteDescription = () => Promise.resolve();
  close() {}
  flows() {
    this.connectionState = "connected";
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}
let connections: Connection[] = [];

/** Asterisk's end of the wire: challenges each REGISTER, takes the second. */
class Peer implements SipWire {
  onopen: SipWire["onopen"] = null;
  onmessage: SipWire["onmessage"] = null;
  onclose: SipWire["onclose"] = null;
  readonly got: string[] = [];
  constructor(private readonly answer: number) {}

  send(text: string) {
    this.got.push(text);
    if (!text.startsWith("REGISTER")) {
      if (text.startsWith("SIP/2.0 200") && text.includes("INVITE")) {
        queueMicrotask(() => this.acknowledge(text));
      }
      return;
    }
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
        "Content-Type: application/sdp",
        `Content-Length: ${SDP.length}`,
        "",
        SDP,
      ].join("\r\n"),
    );
  }

  private acknowledge(answer: string) {
    const lines = [
      "ACK sip:agent1@x.invalid;transport=ws SIP/2.0",
      "Via: SIP/2.0/WS 127.0.0.1:8088;rport;branch=z9hG4bKack",
      `From: ${header(answer, "From")}`,
      `To: ${header(answer, "To")}`,
      `Call-ID: ${header(answer, "Call-ID")}`,
      "CSeq: 1 ACK",
      "Content-Length: 0",
      "",
      "",
    ];
    this.say(lines.join("\r\n"));
  }

  requests(): string[] {
    return this.got.map((text) => text.split(" ")[0] ?? "").filter((word) => !word.startsWith("SIP"));
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

vi.stubGlobal("window", { RTCPeerConnection: Connection });
vi.stubGlobal("RTCPeerConnection", Connection);
vi.stubGlobal("RTCSessionDescription", class { constructor(readonly given: unknown) {} });
/** What each microphone was opened with. */
let opened: MediaStreamConstraints[] = [];
let voice: MediaStreamConstraints;
vi.stubGlobal("navigator", {
  mediaDevices: {
    getUserMedia: (wanted: MediaStreamConstraints) => {
      opened.push(wanted);
      return Promise.resolve({ getTracks: () => [{ stop() {} }] });
    },
  },
});

/** In a call, voices passing; its id. */
async function talking(): Promise<string> {
  phone.start();
  await open();
  peer().invite("z9hG4bKtalk");
  const id = phone.state.calls[0]?.id ?? "";
  phone.answer(id);
  await settled();
  connections.at(-1)?.flows();
  return id;
}

function lose() {
  peer().onclose?.({ code: 1006, reason: "" });
}

async function comeBack() {
  timers.at(-1)?.run();
  await open();
}

beforeEach(() => {
  peers = [];
  connections = [];
  answer = 200;
  timers = [];
  seen = [];
  opened = [];
  voice = { audio: true };
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
    voice: () => voice,
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

test("it is answered with the microphone that is chosen then", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bKmic");
  voice = { audio: { deviceId: { ideal: "headset" } } };
  phone.answer(phone.state.calls[0]?.id ?? "");
  await settled();
  expect(opened).toMatchObject([voice]);
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

test("what rings when the line is lost rings on, and is answered when it is back", async () => {
  phone.start();
  await open();
  peer().invite("z9hG4bK3");
  const id = phone.state.calls[0]?.id ?? "";
  lose();
  phone.answer(id);
  phone.decline(id);
  expect(phone.state).toMatchObject({ line: "lost", calls: [{ phase: "ringing" }] });
  await comeBack();
  expect(phone.state.line).toBe("ready");
  phone.answer(id);
  await settled();
  expect(phone.state.calls[0]?.phase).toBe("talking");
  expect(peer().statuses()).toEqual(["SIP/2.0 200 OK"]);
  expect(peers).toHaveLength(2);
});

test("a phone that is no longer the agent's says so, and the call goes on", async () => {
  const id = await talking();
  peer().onclose?.({ code: 4403, reason: "" });
  expect(phone.state).toMatchObject({ line: "not_theirs", calls: [{ id, phase: "talking" }] });
  expect(timers.every((timer) => timer.ms !== 500)).toBe(true);
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

test("an answered call is muted and pressed into as soon as voices pass", async () => {
  const id = await talking();
  expect(phone.state.calls[0]).toMatchObject({ phase: "talking", talkingSince: 7, media: true });
  phone.mute(id, true);
  phone.dtmf(id, "4");
  phone.dtmf(id, "x");
  const [connection] = connections as [Connection];
  expect(phone.state.calls[0]?.muted).toBe(true);
  expect(connection.sender.track.enabled).toBe(false);
  expect(connection.keys).toBe("4");
});

test("a lost line ends no call, which is told to Asterisk anew when it is back", async () => {
  const id = await talking();
  lose();
  expect(phone.state).toMatchObject({ line: "lost", calls: [{ id, phase: "talking" }] });
  phone.transfer(id, "8500");
  expect(phone.state.calls[0]?.transfer?.phase).toBe("failed");
  await comeBack();
  await settled();
  expect(phone.state.line).toBe("ready");
  expect(peer().requests()).toEqual(["REGISTER", "REGISTER", "INVITE"]);
});

test("what was wished for meanwhile is done when the line is back, the last wish alone", async () => {
  const id = await talking();
  lose();
  phone.hold(id, true);
  phone.hold(id, false);
  expect(phone.state.calls[0]?.delayed).toBeNull();
  phone.hold(id, true);
  expect(phone.state.calls[0]).toMatchObject({ held: false, delayed: "hold" });
  await comeBack();
  await settled();
  expect(phone.state.calls[0]).toMatchObject({ held: true, delayed: null });
  expect(peer().got.at(-1)).toContain("a=sendonly");
});

test("a call hung up while the line is lost is silent at once, and ends with the line", async () => {
  const id = await talking();
  lose();
  phone.hangUp(id);
  expect(phone.state.calls[0]).toMatchObject({ muted: true, delayed: "hang_up" });
  timers.splice(-1); // the end of the longest delay
  await comeBack();
  await settled();
  expect(peer().requests().at(-1)).toBe("BYE");
  expect(phone.state.calls).toEqual([]);
});

test("a line that does not come back keeps nobody in a call they hung up", async () => {
  const id = await talking();
  lose();
  phone.hangUp(id);
  timers.at(-1)?.run();
  expect(phone.state).toMatchObject({ line: "lost", calls: [], lastEnd: { why: "hung_up" } });
});

test("only what can be dialled is transferred to", async () => {
  const id = await talking();
  for (const target of ["", "sip:x@evil", "8500;user=phone", "a b", "8".repeat(41)]) {
    phone.transfer(id, target);
    expect(phone.state.calls[0]?.transfer).toEqual({ target, phase: "failed" });
  }
  phone.transfer(id, "8500");
  expect(phone.state.calls[0]?.transfer?.phase).toBe("asked");
  expect(peer().got.at(-1)).toContain("Refer-To: <sip:8500@switchboard.invalid>");
});
