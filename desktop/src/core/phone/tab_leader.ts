/** Which of an agent's tabs has the phone: exactly one registers, rings and holds the voice.
 *
 * Asterisk rings one contact of a queue member only (22.10: which one varies), so a second tab that
 * registered would take calls away unseen. A Web Lock decides; a closed or crashed tab gives it up
 * by itself. A tab asks another for it over a BroadcastChannel, and is refused while a call is on. */

export const LOCK = "switchboard-softphone";
/** A tab that the browser has put to sleep does not answer: it is not waited for longer. */
export const ANSWER_MS = 1500;

/** `refused`: the other tab is in a call. */
export type Seat = "waiting" | "leading" | "following" | "asking" | "refused";

export interface LockPort {
  request(
    name: string,
    options: { ifAvailable?: boolean; steal?: boolean; signal?: AbortSignal },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>;
}

export interface ChannelPort {
  postMessage(message: unknown): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close(): void;
}

type Said = { readonly kind: "take" | "yours" | "busy"; readonly tab: string };

export interface TabLeaderPorts {
  readonly locks: LockPort;
  openChannel(): ChannelPort;
  /** A call is on here, which moving the phone would cut. */
  isBusy(): boolean;
  onSeat(seat: Seat): void;
  later(ms: number, run: () => void): () => void;
  /** A name for this tab that no other has. */
  readonly tab: string;
}

export class TabLeader {
  seat: Seat = "waiting";
  private channel: ChannelPort | null = null;
  private release: (() => void) | null = null;
  private holding: object | null = null;
  private queued: AbortController | null = null;
  private cancelWait: (() => void) | null = null;
  private life = 0;

  constructor(private readonly ports: TabLeaderPorts) {}

  start(): void {
    if (this.channel) return;
    this.life += 1;
    this.channel = this.ports.openChannel();
    this.channel.onmessage = (event) => this.heard(event.data as Said);
    this.ask({ ifAvailable: true });
  }

  stop(): void {
    this.life += 1;
    this.cancelWait?.();
    this.queued?.abort();
    this.queued = null;
    this.channel?.close();
    this.channel = null;
    this.release?.();
    this.release = null;
    this.holding = null;
    this.seat = "waiting";
  }

  /** "Use this tab": asks the one that has the phone. */
  take(): void {
    if (this.seat !== "following" && this.seat !== "refused") return;
    this.sit("asking");
    this.cancelWait = this.ports.later(ANSWER_MS, () => this.steal());
    this.channel?.postMessage({ kind: "take", tab: this.ports.tab } satisfies Said);
  }

  private heard(said: Said): void {
    if (said.kind === "take") {
      if (this.seat !== "leading") return;
      const kind = this.ports.isBusy() ? "busy" : "yours";
      this.channel?.postMessage({ kind, tab: said.tab } satisfies Said);
    } else if (said.tab === this.ports.tab && this.seat === "asking") {
      this.cancelWait?.();
      if (said.kind === "busy") this.sit("refused");
      else this.steal();
    }
  }

  private steal(): void {
    this.queued?.abort();
    this.queued = null;
    this.ask({ steal: true });
  }

  private ask(options: Parameters<LockPort["request"]>[1]): void {
    const life = this.life;
    let mine: object | null = null;
    this.ports.locks
      .request(LOCK, options, (lock) => {
        if (life !== this.life) return undefined;
        if (!lock) {
          this.follow();
          return undefined;
        }
        mine = this.holding = {};
        return this.lead();
      })
      .catch(() => {
        // Stolen; else a wish of our own that was given up.
        if (mine && mine === this.holding && life === this.life) this.lost();
      });
  }

  private lead(): Promise<void> {
    this.cancelWait?.();
    return new Promise((done) => {
      this.release = done;
      this.sit("leading");
    });
  }

  /** Another tab has taken it. */
  private lost(): void {
    this.release = null;
    this.holding = null;
    this.follow();
  }

  private follow(): void {
    this.sit("following");
    this.queued = new AbortController();
    this.ask({ signal: this.queued.signal });
  }

  private sit(seat: Seat): void {
    if (seat === this.seat) return;
    this.seat = seat;
    this.ports.onSeat(seat);
  }
}
