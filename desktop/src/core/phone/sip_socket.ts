/** The connection under the telephone's signalling: each attempt has a ticket of its own.
 *
 * It has the shape of JsSIP's Socket (3.13: `connect`, `disconnect`, `send` and the handlers that
 * JsSIP sets), but of a connection that is lost it tells our phone alone, and makes another by
 * itself. JsSIP would give up what is under way: a call that rings could not be answered any more,
 * while Asterisk (22.10) goes on ringing it, and takes the answer from whichever connection it comes
 * by. */

import { SignedOut, waitMs } from "../socket";

/** The part of a browser's WebSocket used here. */
export interface SipWire {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface SipSocketPorts {
  /** A one-time ticket; rejects with SignedOut where the log-in is over. */
  ticket(): Promise<string>;
  open(ticket: string): SipWire;
  later(ms: number, run: () => void): () => void;
  random(): number;
}

/** The log-in ended; or this browser was logged in as somebody else meanwhile. Trying again helps
 * neither. */
export type Final = "signed_out" | "not_theirs";
const FINAL_CODES: ReadonlyMap<number, Final> = new Map([
  [4401, "signed_out"],
  [4403, "not_theirs"],
]);
/** The server did not like what it got, or how much: it is left alone for a while. */
const REFUSAL_CODES = new Set([4400, 4409, 4429]);
const REFUSED_ATTEMPT = 5;

export class SipSocket {
  via_transport = "WS";
  /** Only names the connection to JsSIP; nothing is opened by it. */
  readonly url: string;
  readonly sip_uri: string;
  onconnect: () => void = () => undefined;
  ondisconnect: (error: boolean, code?: number, reason?: string) => void = () => undefined;
  ondata: (data: unknown) => void = () => undefined;
  onlost: () => void = () => undefined;
  onback: () => void = () => undefined;
  /** There will be no other connection. */
  onfinal: (why: Final) => void = () => undefined;

  private wire: SipWire | null = null;
  private isOpen = false;
  private wanted = false;
  /** JsSIP was told that it is connected. */
  private told = false;
  private attempt = 0;
  /** Counts the wishes: what an earlier one still waits for is not taken any more. */
  private life = 0;
  private cancelWait: (() => void) | null = null;

  constructor(
    private readonly ports: SipSocketPorts,
    domain: string,
  ) {
    this.url = `ws://${domain}/`;
    this.sip_uri = `sip:${domain};transport=ws`;
  }

  connect(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.life += 1;
    void this.open();
  }

  disconnect(): void {
    this.wanted = false;
    this.told = false;
    this.attempt = 0;
    this.life += 1;
    this.cancelWait?.();
    this.cancelWait = null;
    this.drop();
  }

  send(message: string): boolean {
    if (!this.wire || !this.isOpen) return false;
    this.wire.send(message);
    return true;
  }

  isConnected(): boolean {
    return this.isOpen;
  }

  isConnecting(): boolean {
    return this.wanted && !this.isOpen;
  }

  /** The network is back. */
  retryNow(): void {
    if (!this.cancelWait) return;
    this.cancelWait();
    void this.open();
  }

  private async open(): Promise<void> {
    this.cancelWait = null;
    const life = this.life;
    let ticket: string;
    try {
      ticket = await this.ports.ticket();
    } catch (error) {
      if (life !== this.life) return;
      if (error instanceof SignedOut) this.onfinal("signed_out");
      else this.wait();
      return;
    }
    if (life !== this.life) return;
    const wire = this.ports.open(ticket);
    this.wire = wire;
    wire.onopen = () => {
      this.isOpen = true;
      if (this.told) this.onback();
      else {
        this.told = true;
        this.onconnect();
      }
    };
    wire.onmessage = (event) => {
      // Opened alone says little: what is behind the server may refuse.
      this.attempt = 0;
      this.ondata(event.data);
    };
    wire.onclose = (event) => this.closed(event.code);
  }

  private closed(code: number): void {
    const wasOpen = this.isOpen;
    this.drop();
    if (wasOpen) this.onlost();
    const final = FINAL_CODES.get(code);
    if (final) {
      this.onfinal(final);
      return;
    }
    if (REFUSAL_CODES.has(code)) this.attempt = Math.max(this.attempt, REFUSED_ATTEMPT);
    this.wait();
  }

  private wait(): void {
    this.attempt += 1;
    const ms = waitMs(this.attempt, this.ports.random());
    this.cancelWait = this.ports.later(ms, () => void this.open());
  }

  private drop(): void {
    const wire = this.wire;
    this.wire = null;
    this.isOpen = false;
    if (!wire) return;
    wire.onopen = null;
    wire.onmessage = null;
    wire.onclose = null;
    wire.close();
  }
}
