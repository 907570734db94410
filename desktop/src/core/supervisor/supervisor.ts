/** The supervisor page without a screen: who looks, the line to the server, the newest board. */

import * as desk from "../api";
import type { Board } from "./board.gen";

export interface Me {
  readonly login: string;
  readonly name: string;
  readonly role: string;
}

/** The part of a browser's EventSource used here. */
export interface Stream {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  addEventListener(name: string, listener: () => void): void;
  close(): void;
}

export interface Ports {
  /** Null: nobody is logged in. Rejects where the server cannot be reached. */
  me(): Promise<Me | null>;
  open(): Stream;
  later(ms: number, run: () => void): () => void;
  now(): number;
}

/** Roles of supervisor/console/gate.py: who sees the page, who changes something there, and who has
 * deliveries tried again. */
export const LOOKS: readonly string[] = ["supervisor", "admin", "auditor"];
export const MOVES: readonly string[] = ["supervisor", "admin"];
export const RUNS: readonly string[] = ["admin"];

export type Door = "asking" | "signed_out" | "refused" | "open";
export type Line = "connecting" | "online" | "waiting";

export interface Seen {
  readonly door: Door;
  readonly line: Line;
  readonly me: Me | null;
  readonly board: Board | null;
  /** What the server's clock is ahead of ours. */
  readonly skewMs: number;
}

export const RETRY_MS = 2_000;
/** EventSource.CLOSED: the browser has given up, which it does after any answer but a stream. */
const CLOSED = 2;
const NOTHING: Seen = { door: "asking", line: "connecting", me: null, board: null, skewMs: 0 };

export class Supervisor {
  private seen: Seen = NOTHING;
  private stream: Stream | null = null;
  private cancelRetry: (() => void) | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly ports: Ports) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Seen => this.seen;

  start(): void {
    void this.enter();
  }

  async logOut(): Promise<void> {
    this.leave();
    try {
      await desk.logOut();
    } finally {
      this.set({ ...NOTHING, door: "signed_out" });
    }
  }

  /** Asks who is logged in, and listens where they may look. */
  private async enter(): Promise<void> {
    this.leave();
    let me: Me | null;
    try {
      me = await this.ports.me();
    } catch {
      this.set({ ...this.seen, line: "waiting" });
      this.cancelRetry = this.ports.later(RETRY_MS, () => void this.enter());
      return;
    }
    if (me === null) this.set({ ...NOTHING, door: "signed_out" });
    else if (!LOOKS.includes(me.role)) this.set({ ...NOTHING, door: "refused", me });
    else {
      this.set({ ...this.seen, door: "open", me });
      this.listen();
    }
  }

  private listen(): void {
    const stream = this.ports.open();
    this.stream = stream;
    const again = () => {
      if (this.stream !== stream) return;
      stream.close();
      this.set({ ...this.seen, line: "waiting" });
      this.cancelRetry = this.ports.later(RETRY_MS, () => void this.enter());
    };
    stream.onopen = () => this.set({ ...this.seen, line: "online" });
    stream.onmessage = (event) => {
      const board = JSON.parse(String(event.data)) as Board;
      this.set({ ...this.seen, line: "online", board, skewMs: board.ts - this.ports.now() });
    };
    stream.onerror = () => {
      if (stream.readyState === CLOSED) again();
      else this.set({ ...this.seen, line: "waiting" });
    };
    // The log-in is over, or the server stops.
    stream.addEventListener("end", again);
  }

  private leave(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
    this.stream?.close();
    this.stream = null;
  }

  private set(next: Seen): void {
    this.seen = next;
    for (const listener of this.listeners) listener();
  }
}
