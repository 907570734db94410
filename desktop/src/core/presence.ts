/** Keeps the server telling what colleagues are doing, for as long as anybody looks. */

import type { PresenceWatch } from "./protocol.gen";

/** The server forgets a wish after a minute. */
export const AGAIN_MS = 25_000;

export interface WatchPorts {
  send(frame: PresenceWatch): void;
  later(ms: number, run: () => void): () => void;
}

export class Watch {
  private cancel: (() => void) | null = null;

  constructor(private readonly ports: WatchPorts) {}

  set(wanted: boolean): void {
    if (!wanted) {
      this.cancel?.();
      this.cancel = null;
    } else if (!this.cancel) this.ask();
  }

  /** The server is another, or forgot: it is asked anew where it was asked before. */
  again(): void {
    if (!this.cancel) return;
    this.cancel();
    this.ask();
  }

  private ask(): void {
    this.cancel = this.ports.later(AGAIN_MS, () => this.ask());
    this.ports.send({ kind: "presence.watch" });
  }
}
