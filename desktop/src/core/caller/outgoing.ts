/** One call from the browser by JsSIP 3.13: dialled, heard, keys, over. A page makes one for each. */

import type { UA } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { SipSocket } from "../phone/sip_socket";

export interface OutgoingPorts {
  readonly UA: typeof UA;
  readonly socket: SipSocket;
  readonly user: string;
  readonly secret: string;
  readonly domain: string;
  readonly target: string;
  /** What the other side hears of us. */
  readonly voice: MediaStream;
  hear(stream: MediaStream): void;
  onAnswered(): void;
  /** Once, and last. */
  onOver(failed: boolean): void;
  later(ms: number, run: () => void): () => void;
}

/** A connection that does not come about. */
const CONNECT_MS = 8_000;
/** The call is not held up by an interface that gathers no address. */
const GATHERING_MS = 500;
const TONE_MS = 160;
const DIGIT = /^[0-9*#]$/;

/** A page without a microphone is not told this machine's addresses: Chromium (156) writes names that
 * only its own network answers, and 0.0.0.0, which Asterisk (22.10) takes for a call on hold. Asterisk
 * is on this machine too, and learns the true address from the browser's checks. */
export function reachable(sdp: string): string {
  return sdp
    .replace(/ [0-9a-f-]{36}\.local /g, " 127.0.0.1 ")
    .replace(/^c=IN IP4 0\.0\.0\.0/gm, "c=IN IP4 127.0.0.1");
}

export class Outgoing {
  private readonly ua: UA;
  private session: RTCSession | null = null;
  private over = false;
  private readonly giveUp: () => void;

  constructor(private readonly ports: OutgoingPorts) {
    this.ua = new ports.UA({
      sockets: ports.socket as never,
      uri: `sip:${ports.user}@${ports.domain}`,
      authorization_user: ports.user,
      password: ports.secret,
      register: false,
      user_agent: "Switchboard demo caller",
      session_timers: false,
    });
    this.ua.on("connected", () => this.dial());
    this.giveUp = ports.later(CONNECT_MS, () => !this.session && this.end(true));
  }

  start(): void {
    this.ua.start();
  }

  press(digit: string): void {
    if (!DIGIT.test(digit) || !this.session?.isEstablished()) return;
    this.session.sendDTMF(digit, { duration: TONE_MS, transportType: "RFC2833" as never });
  }

  hangUp(): void {
    if (this.session && !this.session.isEnded()) this.session.terminate();
    this.end(false);
  }

  private dial(): void {
    if (this.session || this.over) return;
    this.giveUp();
    const { ports } = this;
    // No STUN server: the other side is our own Asterisk.
    const session = this.ua.call(`sip:${ports.target}@${ports.domain}`, {
      mediaStream: ports.voice,
      pcConfig: { iceServers: [] },
      eventHandlers: {
        icecandidate: ({ ready }: { ready: () => void }) => void ports.later(GATHERING_MS, ready),
        peerconnection: (event: { peerconnection: RTCPeerConnection }) =>
          this.wire(event.peerconnection),
        sdp: (event: { originator: string; sdp: string }) => {
          if (event.originator === "local") event.sdp = reachable(event.sdp);
        },
        accepted: () => ports.onAnswered(),
        ended: () => this.end(false),
        failed: () => this.end(true),
      },
    });
    this.session = session;
    if (session.connection as RTCPeerConnection | undefined) this.wire(session.connection);
  }

  private wire(connection: RTCPeerConnection): void {
    connection.ontrack = (event) =>
      this.ports.hear(event.streams[0] ?? new MediaStream([event.track]));
  }

  private end(failed: boolean): void {
    if (this.over) return;
    this.over = true;
    this.giveUp();
    this.ports.onOver(failed);
    // Its goodbye must still leave.
    this.ports.later(500, () => this.ua.stop());
  }
}
