/** The websocket to the server: reconnects for ever, resumes by sequence, loses no wish. */

import { PROTOCOL_VERSION, type Ack, type ClientFrame, type ServerFrame } from "./protocol.gen";

export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "online" }
  | { readonly kind: "waiting"; readonly attempt: number }
  | { readonly kind: "signed_out" };

export class SignedOut extends Error {}

/** The part of a browser's WebSocket used here. */
export interface Wire {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface SocketPorts {
  /** A one-time ticket; rejects with SignedOut where the log-in is over. */
  ticket(): Promise<string>;
  open(ticket: string, lastSeq: number | null): Wire;
  lastSeq(): number | null;
  onFrame(frame: ServerFrame): void;
  onLink(link: Link): void;
  /** The server speaks another version than this page: it is to be loaded anew. */
  onOutdated(): void;
  later(ms: number, run: () => void): () => void;
  random(): number;
}

export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 15_000;
const MAX_WISHES = 50;

export function waitMs(attempt: number, random: number): number {
  const whole = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, attempt - 1));
  return whole * (0.5 + random / 2);
}

export class AgentSocket {
  private wire: Wire | null = null;
  private greeted = false;
  private attempt = 0;
  private stopped = true;
  /** Counts the starts: what an earlier one still waits for is of another agent. */
  private life = 0;
  private cancelWait: (() => void) | null = null;
  /** What the agent did while offline; sent after the next greeting, in order. */
  private wishes: ClientFrame[] = [];

  constructor(private readonly ports: SocketPorts) {}

  start(): void {
    this.stopped = false;
    this.life += 1;
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.cancelWait?.();
    this.wishes = [];
    this.drop();
  }

  /** The network is back, or the agent is impatient. */
  retryNow(): void {
    if (this.stopped || this.wire || !this.cancelWait) return;
    this.cancelWait();
    void this.connect();
  }

  acknowledge(ack: Ack): void {
    if (this.greeted) this.wire?.send(JSON.stringify(ack));
  }

  send(frame: ClientFrame): void {
    if (this.greeted && this.wire) {
      this.wire.send(JSON.stringify(frame));
      return;
    }
    const replaced = (old: ClientFrame) =>
      old.kind === frame.kind &&
      (frame.kind === "state.set" ||
        frame.kind === "presence.watch" ||
        (frame.kind === "note" && old.kind === "note" && old.pop_id === frame.pop_id));
    this.wishes = [...this.wishes.filter((old) => !replaced(old)), frame].slice(-MAX_WISHES);
  }

  private async connect(): Promise<void> {
    this.cancelWait = null;
    this.ports.onLink({ kind: "connecting" });
    const life = this.life;
    let ticket: string;
    try {
      ticket = await this.ports.ticket();
    } catch (error) {
      if (this.stopped || life !== this.life) return;
      if (error instanceof SignedOut) {
        this.stopped = true;
        this.ports.onLink({ kind: "signed_out" });
      } else this.wait();
      return;
    }
    if (this.stopped || life !== this.life) return;
    const wire = this.ports.open(ticket, this.ports.lastSeq());
    this.wire = wire;
    wire.onmessage = (event) => this.receive(event.data);
    wire.onclose = () => {
      if (this.wire !== wire) return;
      this.drop();
      if (!this.stopped) this.wait();
    };
  }

  private receive(data: unknown): void {
    if (typeof data !== "string") return;
    const frame = JSON.parse(data) as ServerFrame;
    if ((frame.v as number) !== PROTOCOL_VERSION) {
      this.drop();
      this.wait();
      this.ports.onOutdated();
      return;
    }
    this.ports.onFrame(frame);
    if (frame.kind !== "hello") return;
    this.greeted = true;
    this.attempt = 0;
    this.ports.onLink({ kind: "online" });
    for (const wish of this.wishes.splice(0)) this.wire?.send(JSON.stringify(wish));
  }

  private wait(): void {
    this.attempt += 1;
    this.ports.onLink({ kind: "waiting", attempt: this.attempt });
    const ms = waitMs(this.attempt, this.ports.random());
    this.cancelWait = this.ports.later(ms, () => void this.connect());
  }

  private drop(): void {
    const wire = this.wire;
    this.wire = null;
    this.greeted = false;
    if (wire) {
      wire.onclose = null;
      wire.onmessage = null;
      wire.close();
    }
  }
}
