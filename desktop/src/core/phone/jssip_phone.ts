/** The telephone by JsSIP 3.13 (SIP over a websocket, voices by WebRTC).
 *
 * A lost websocket ends no call here: voices go on, what rings rings on, and what needs signalling
 * waits until the phone is registered anew. Then each call that is talked on is told to Asterisk once
 * more (a re-INVITE), since Asterisk would go on sending a caller's goodbye to the connection that is
 * gone. */

import type { UA } from "jssip";
import type { RTCSession, EndEvent } from "jssip/lib/RTCSession";
import type { RTCSessionEvent, UnRegisteredEvent } from "jssip/lib/UA";
import { waitMs } from "../socket";
import type { Phone, PhoneLogIn } from "./phone";
import {
  advance,
  callOf,
  isTalking,
  SILENT,
  type EndReason,
  type PhoneEvent,
  type PhoneState,
} from "./phone_state";
import type { SipSocket } from "./sip_socket";

export interface JsSipPorts {
  readonly UA: typeof UA;
  readonly socket: SipSocket;
  readonly logIn: PhoneLogIn;
  /** Of the microphone that is chosen now. */
  voice(): MediaStreamConstraints;
  /** The other side's voice; null when the call is over. */
  hear(id: string, stream: MediaStream | null): void;
  /** The microphone could not be opened to answer. */
  onMicrophoneFailed(error: unknown): void;
  later(ms: number, run: () => void): () => void;
  random(): number;
  now(): number;
}

/** Nothing else may be dialled by hand: no addresses, no parameters, no header. */
const TARGET = /^[0-9A-Za-z*#+._-]{1,40}$/;
const DIGIT = /^[0-9*#A-D]$/;
/** Answers are not held up by an interface that gathers no address. */
const GATHERING_MS = 500;
const AGAIN_MS = 400;
/** Then a call that is to be hung up ends here at least; Asterisk ends its side 30 s after the last
 * sound that came (rtp_timeout of the softphones). */
const LONGEST_DELAY_MS = 15_000;
const TONE_MS = 160;
const REFUSED = new Set([401, 403, 404, 407]);

export class JsSipPhone implements Phone {
  state: PhoneState = SILENT;
  onChange: (state: PhoneState) => void = () => undefined;
  private readonly sessions = new Map<string, RTCSession>();
  private readonly ua: UA;
  private stopped = true;
  private failures = 0;

  constructor(private readonly ports: JsSipPorts) {
    const { logIn } = ports;
    this.ua = new ports.UA({
      sockets: ports.socket as never,
      uri: `sip:${logIn.user}@${logIn.domain}`,
      authorization_user: logIn.user,
      password: logIn.secret,
      display_name: logIn.display_name,
      user_agent: "Switchboard desktop",
      // It would end a call whose signalling is away when it runs out.
      session_timers: false,
      no_answer_timeout: 120,
    });
    ports.socket.onlost = () => this.lost();
    ports.socket.onfinal = (why) => this.tell({ kind: "line", line: why });
    ports.socket.onback = () => this.ua.register();
    this.ua.on("registered", () => this.registered());
    this.ua.on("registrationFailed", (event) => this.registrationFailed(event));
    this.ua.on("newRTCSession", (event: RTCSessionEvent) => this.rang(event));
  }

  start(): void {
    this.stopped = false;
    this.tell({ kind: "line", line: "connecting" });
    this.ua.start();
  }

  stop(): void {
    if (this.stopped) return;
    this.ua.stop();
    this.stopped = true;
    for (const id of this.sessions.keys()) this.ports.hear(id, null);
    this.sessions.clear();
    this.state = SILENT;
    this.onChange(SILENT);
  }

  answer(id: string): void {
    const session = this.sessions.get(id);
    if (callOf(this.state, id)?.phase !== "ringing" || !session) return;
    if (this.state.line !== "ready") return;
    for (const call of this.state.calls) if (isTalking(call)) this.hold(call.id, true);
    this.tell({ kind: "answering", id });
    // No STUN server: the other side is our own Asterisk.
    session.answer({ mediaConstraints: this.ports.voice(), pcConfig: { iceServers: [] } });
  }

  decline(id: string): void {
    if (callOf(this.state, id)?.phase === "ringing" && this.state.line === "ready") {
      this.sessions.get(id)?.terminate({ status_code: 486 });
    }
  }

  hangUp(id: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    if (this.state.line !== "ready") {
      // The caller hears nothing more of us, and goes when the line is back.
      session.mute({ audio: true });
      this.tell({ kind: "delayed", id, wish: "hang_up" });
      this.ports.later(LONGEST_DELAY_MS, () => {
        if (callOf(this.state, id)?.delayed === "hang_up") session.terminate();
      });
      return;
    }
    this.tell({ kind: "hanging_up", id });
    session.terminate();
  }

  hold(id: string, on: boolean): void {
    const call = callOf(this.state, id);
    const session = this.sessions.get(id);
    if (!call || !session || !isTalking(call)) return;
    if (call.held === on) {
      this.tell({ kind: "delayed", id, wish: null });
      return;
    }
    const taken = this.state.line === "ready" && (on ? session.hold() : session.unhold());
    this.tell({ kind: "delayed", id, wish: taken ? null : on ? "hold" : "resume" });
    // Another change of the call is under way.
    if (!taken && this.state.line === "ready") this.settleLater(id);
  }

  mute(id: string, on: boolean): void {
    const session = this.sessions.get(id);
    if (on) session?.mute({ audio: true });
    else session?.unmute({ audio: true });
  }

  dtmf(id: string, digit: string): void {
    if (!DIGIT.test(digit) || !callOf(this.state, id)?.media) return;
    const options = { duration: TONE_MS, transportType: "RFC2833" as never };
    this.sessions.get(id)?.sendDTMF(digit, options);
  }

  transfer(id: string, target: string): void {
    const session = this.sessions.get(id);
    if (!session) return;
    const failed = () => this.tell({ kind: "transfer", id, transfer: { target, phase: "failed" } });
    if (this.state.line !== "ready" || !TARGET.test(target)) {
      failed();
      return;
    }
    this.tell({ kind: "transfer", id, transfer: { target, phase: "asked" } });
    const over = () => !session.isEnded() && session.terminate();
    session.refer(target, {
      eventHandlers: { accepted: over, requestFailed: failed, failed },
    });
  }

  private rang(event: RTCSessionEvent): void {
    const { session } = event;
    if (session.direction !== "incoming") return;
    const id = session.id;
    this.sessions.set(id, session);
    session.on("accepted", () => this.tell({ kind: "answered", id, at: this.ports.now() }));
    session.on("ended", (end) => this.ended(id, end));
    session.on("failed", (end) => this.ended(id, end));
    session.on("getusermediafailed", (error) => this.ports.onMicrophoneFailed(error));
    session.on("muted", () => this.tell({ kind: "muted", id, on: true }));
    session.on("unmuted", () => this.tell({ kind: "muted", id, on: false }));
    session.on("hold", (by) => by.originator === "local" && this.tell({ kind: "held", id, on: true }));
    session.on("unhold", (by) => by.originator === "local" && this.tell({ kind: "held", id, on: false }));
    session.on("icecandidate", ({ ready }) => void this.ports.later(GATHERING_MS, ready));
    session.on("peerconnection", ({ peerconnection }) => this.wire(id, peerconnection));
    const caller = session.remote_identity;
    const request = event.request as { getHeader(name: string): string | undefined };
    this.tell({
      kind: "rang",
      id,
      linkedid: request.getHeader("X-Switchboard-Call")?.trim() || null,
      number: caller.uri.user ?? "",
      name: caller.display_name ?? "",
    });
  }

  private wire(id: string, connection: RTCPeerConnection): void {
    connection.addEventListener("track", (event) => {
      this.ports.hear(id, event.streams[0] ?? new MediaStream([event.track]));
    });
    connection.addEventListener("connectionstatechange", () => {
      this.tell({ kind: "media", id, up: connection.connectionState === "connected" });
    });
  }

  private ended(id: string, end: EndEvent): void {
    if (!this.sessions.delete(id)) return;
    this.ports.hear(id, null);
    const transferred = callOf(this.state, id)?.transfer?.phase === "asked";
    this.tell({ kind: "ended", id, why: transferred ? "transferred" : whyEnded(end) });
  }

  private lost(): void {
    if (this.stopped) return;
    if (this.state.line === "ready") this.tell({ kind: "line", line: "lost" });
    // Asterisk forgets the registration with the connection. (JsSIP's types leave this out.)
    (this.ua.registrator() as unknown as { onTransportClosed(): void }).onTransportClosed();
  }

  private registered(): void {
    this.failures = 0;
    const back = this.state.line === "lost";
    this.tell({ kind: "line", line: "ready" });
    for (const call of this.state.calls) {
      if (call.delayed) this.settle(call.id);
      else if (back && isTalking(call)) this.sessions.get(call.id)?.renegotiate();
    }
  }

  private registrationFailed(event: UnRegisteredEvent): void {
    if (this.stopped) return;
    const status = (event.response as { status_code?: number } | null)?.status_code ?? 0;
    if (REFUSED.has(status)) {
      this.tell({ kind: "line", line: "refused" });
      return;
    }
    this.failures += 1;
    this.ports.later(waitMs(this.failures, this.ports.random()), () => {
      if (!this.stopped && this.state.line !== "ready") this.ua.register();
    });
  }

  private settleLater(id: string): void {
    this.ports.later(AGAIN_MS, () => this.settle(id));
  }

  private settle(id: string): void {
    const wish = callOf(this.state, id)?.delayed;
    if (this.stopped || this.state.line !== "ready" || !wish) return;
    if (wish === "hang_up") this.hangUp(id);
    else this.hold(id, wish === "hold");
  }

  private tell(event: PhoneEvent): void {
    if (this.stopped) return;
    const next = advance(this.state, event);
    if (next === this.state) return;
    this.state = next;
    this.onChange(next);
  }
}

/** By JsSIP's causes (Constants.js). */
function whyEnded(end: EndEvent): EndReason {
  switch (end.cause) {
    case "Terminated":
      return "hung_up";
    case "Rejected":
      return end.originator === "local" ? "declined" : "failed";
    case "Canceled":
    case "No Answer":
      return "gone";
    case "User Denied Media Access":
      return "microphone";
    default:
      return "failed";
  }
}
