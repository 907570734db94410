/** The page for callers without its pixels: who calls, in which language, and what becomes of it. */

import type { Language } from "../i18n";
import type { CallTold, CallerAccount, CallerKey, Cast } from "./api";
import { appended, grown, type Step } from "./steps";
import type { Voice } from "./voice";

export type Phase = "idle" | "asking" | "calling" | "talking";

export interface SeenByCaller {
  readonly cast: Cast | null;
  /** The demo does not answer. */
  readonly away: boolean;
  readonly who: CallerKey;
  readonly line: Language;
  readonly phase: Phase;
  /** Null before the first call. */
  readonly microphone: boolean | null;
  readonly steps: readonly Step[];
  readonly keys: string;
}

export interface CallInHand {
  start(): void;
  press(digit: string): void;
  hangUp(): void;
}

export interface CallWishes {
  readonly account: CallerAccount;
  readonly cast: Cast;
  readonly target: string;
  readonly voice: Voice;
  onAnswered(): void;
  onOver(failed: boolean): void;
}

export interface CallerPorts {
  cast(): Promise<Cast>;
  callOf(user: string): Promise<CallTold | null>;
  openVoice(): Promise<Voice>;
  dial(wishes: CallWishes): Promise<CallInHand>;
  later(ms: number, run: () => void): () => void;
  /** A code of the server's in the page's language. */
  code(family: string, name: string): string;
}

const LOOK_MS = 700;

export class Caller {
  private seen: SeenByCaller;
  private readonly listeners = new Set<() => void>();
  private call: CallInHand | null = null;
  private voice: Voice | null = null;
  private stopLooking: () => void = () => undefined;
  /** Counts the calls: what an earlier one still waits for is not taken any more. */
  private life = 0;

  constructor(
    private readonly ports: CallerPorts,
    line: Language,
  ) {
    this.seen = {
      cast: null,
      away: false,
      who: "maria",
      line,
      phase: "idle",
      microphone: null,
      steps: [],
      keys: "",
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SeenByCaller => this.seen;

  async start(): Promise<void> {
    try {
      this.tell({ cast: await this.ports.cast() });
    } catch {
      this.tell({ away: true });
    }
  }

  choose(who: CallerKey): void {
    if (this.seen.phase === "idle") this.tell({ who });
  }

  chooseLine(line: Language): void {
    if (this.seen.phase === "idle") this.tell({ line });
  }

  async dial(): Promise<void> {
    const { cast, who, line, phase } = this.seen;
    const account = cast?.callers.find((one) => one.key === who);
    if (!cast || !account || phase !== "idle") return;
    const life = ++this.life;
    this.tell({ phase: "asking", steps: [], keys: "" });
    const voice = await this.ports.openVoice();
    if (life !== this.life) {
      voice.close();
      return;
    }
    this.voice = voice;
    const target = cast.dialled[line];
    this.tell({ phase: "calling", microphone: voice.heard });
    this.add({ word: "cp_step_ringing", filled: { number: target } });
    try {
      const call = await this.ports.dial({
        account,
        cast,
        target,
        voice,
        onAnswered: () => life === this.life && this.answered(account),
        onOver: (failed) => life === this.life && this.over(failed),
      });
      if (life !== this.life) return;
      this.call = call;
      call.start();
    } catch {
      if (life === this.life) this.over(true);
    }
  }

  press(digit: string): void {
    if (this.seen.phase !== "talking") return;
    this.call?.press(digit);
    this.tell({ keys: `${this.seen.keys}${digit}`.slice(-24) });
  }

  hangUp(): void {
    if (this.seen.phase === "idle") return;
    const { call } = this;
    this.over(false);
    call?.hangUp();
  }

  private answered(account: CallerAccount): void {
    this.tell({ phase: "talking" });
    this.add({ word: "cp_step_answered", filled: {} });
    void this.look(this.life, account);
  }

  private async look(life: number, account: CallerAccount): Promise<void> {
    let told: CallTold | null = null;
    try {
      told = await this.ports.callOf(account.user);
    } catch {
      // The next look tells.
    }
    if (life !== this.life) return;
    if (told) {
      const { code } = this.ports;
      this.tell({ steps: grown(this.seen.steps, told, account.number === null, code) });
    }
    this.stopLooking = this.ports.later(LOOK_MS, () => void this.look(life, account));
  }

  private over(failed: boolean): void {
    this.life += 1;
    this.stopLooking();
    this.voice?.close();
    this.voice = null;
    this.call = null;
    this.tell({ phase: "idle" });
    this.add({ word: failed ? "cp_step_failed" : "cp_step_over", filled: {} });
  }

  private add(step: Step): void {
    this.tell({ steps: appended(this.seen.steps, step) });
  }

  private tell(change: Partial<SeenByCaller>): void {
    this.seen = { ...this.seen, ...change };
    for (const listener of this.listeners) listener();
  }
}
