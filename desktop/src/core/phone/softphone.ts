/** The telephone in the page, put together: who may have one, which tab has it, whether it can be
 * spoken into, and whether it rings. */

import type { Desktop } from "../desk";
import { waitMs } from "../socket";
import type { Microphone, MicrophoneTrouble } from "./microphone";
import type { Phone, PhoneLogIn } from "./phone";
import { inCall, isTalking, SILENT, type PhoneState } from "./phone_state";
import type { Seat, TabLeader } from "./tab_leader";

export interface SoftphoneView {
  /** False: this agent has a desk phone, and sees nothing of all this. */
  readonly offered: boolean;
  readonly seat: Seat;
  readonly microphone: Microphone;
  readonly phone: PhoneState;
  /** It rings, and the browser plays nothing until somebody clicks in the page. */
  readonly silent: boolean;
  /** The telephone's program could not be loaded. */
  readonly unloadable: boolean;
}

export interface DeskPort {
  subscribe(listener: () => void): () => void;
  snapshot(): Desktop;
  chooseState(state: "not_ready"): void;
}

export interface Ring {
  readonly isAudible: boolean;
  onAudible: () => void;
  start(): void;
  stop(): void;
  wake(): Promise<void>;
}

export interface SoftphonePorts {
  readonly desk: DeskPort;
  /** Null: this agent has no softphone. Rejects where the server cannot be asked. */
  fetchLogIn(): Promise<PhoneLogIn | null>;
  makePhone(logIn: PhoneLogIn, onMicrophoneFailed: (error: unknown) => void): Promise<Phone>;
  makeLeader(isBusy: () => boolean, onSeat: (seat: Seat) => void): TabLeader;
  probe(): Promise<MicrophoneTrouble | null>;
  troubleOf(error: unknown): MicrophoneTrouble;
  watch(onChange: () => void): Promise<() => void>;
  readonly ring: Ring;
  /** Whether leaving the page is to be asked about first. */
  guardLeaving(on: boolean): void;
  later(ms: number, run: () => void): () => void;
  random(): number;
}

const NOTHING: SoftphoneView = {
  offered: false,
  seat: "waiting",
  microphone: { kind: "unchecked" },
  phone: SILENT,
  silent: false,
  unloadable: false,
};
/** A CANCEL that is on its way comes first. */
export const GHOST_MS = 3000;

export class Softphone {
  private view = NOTHING;
  private readonly listeners = new Set<() => void>();
  private readonly leader: TabLeader;
  private phone: Phone | null = null;
  private logIn: PhoneLogIn | null = null;
  private unwatch: (() => void) | null = null;
  private isOn = false;
  /** Counts the log-ins: what an earlier one still waits for is not taken any more. */
  private life = 0;
  private attempt = 0;
  private before: Desktop;

  constructor(private readonly ports: SoftphonePorts) {
    this.leader = ports.makeLeader(
      () => this.view.phone.calls.length > 0,
      (seat) => this.sit(seat),
    );
    this.before = ports.desk.snapshot();
    ports.ring.onAudible = () => this.set({ silent: this.isSilent() });
    ports.desk.subscribe(() => this.onDesk());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SoftphoneView => this.view;

  /** What an agent does with a call; nothing where the phone is in another tab. */
  get calls(): Phone | null {
    return this.phone;
  }

  answer(id: string): void {
    void this.ports.ring.wake();
    this.phone?.answer(id);
  }

  useThisTab(): void {
    this.leader.take();
  }

  /** Asks for the microphone (again), and starts the telephone where it works. */
  async checkMicrophone(): Promise<void> {
    const life = this.life;
    this.set({ microphone: { kind: "asking" } });
    const trouble = await this.ports.probe();
    if (life !== this.life) return;
    if (trouble) {
      this.troubled(trouble);
      return;
    }
    this.set({ microphone: { kind: "works" } });
    if (this.view.seat === "leading" && !this.phone) await this.startPhone();
  }

  private onDesk(): void {
    const { before } = this;
    const now = this.ports.desk.snapshot();
    this.before = now;
    if (now.link.kind === "signed_out") {
      this.off();
      return;
    }
    if (now.desk.agent && !this.isOn) {
      this.isOn = true;
      void this.on();
    }
    const available = (desktop: Desktop) => desktop.desk.status.state === "available";
    if (available(now) && !available(before) && this.view.microphone.kind === "trouble") {
      this.ports.desk.chooseState("not_ready");
    }
    this.stopGhosts(before, now);
  }

  private async on(): Promise<void> {
    const life = this.life;
    let logIn: PhoneLogIn | null;
    try {
      logIn = await this.ports.fetchLogIn();
    } catch {
      if (life === this.life) this.again(() => void this.on());
      return;
    }
    if (life !== this.life) return;
    this.attempt = 0;
    if (!logIn) return;
    this.logIn = logIn;
    this.set({ offered: true });
    this.leader.start();
  }

  private off(): void {
    if (!this.isOn) return;
    this.isOn = false;
    this.life += 1;
    this.attempt = 0;
    this.leader.stop();
    this.stopPhone();
    this.logIn = null;
    this.set(NOTHING);
  }

  private sit(seat: Seat): void {
    const led = this.view.seat === "leading";
    this.set({ seat });
    if (seat === "leading") void this.begin();
    else if (led) this.stopPhone();
  }

  private async begin(): Promise<void> {
    const life = this.life;
    const unwatch = await this.ports.watch(() => void this.checkMicrophone());
    if (life !== this.life || this.view.seat !== "leading") {
      unwatch();
      return;
    }
    this.unwatch = unwatch;
    await this.checkMicrophone();
  }

  private async startPhone(): Promise<void> {
    const { life, logIn } = this;
    if (!logIn) return;
    let phone: Phone;
    try {
      phone = await this.ports.makePhone(logIn, (error) =>
        this.troubled(this.ports.troubleOf(error)),
      );
    } catch {
      if (life === this.life) this.set({ unloadable: true });
      return;
    }
    if (life !== this.life || this.view.seat !== "leading" || this.phone) return;
    this.phone = phone;
    phone.onChange = (state) => this.phone === phone && this.onPhone(state);
    this.set({ unloadable: false });
    phone.start();
  }

  private stopPhone(): void {
    const phone = this.phone;
    this.phone = null;
    this.unwatch?.();
    this.unwatch = null;
    phone?.stop();
    this.onPhone(SILENT);
    this.set({ microphone: { kind: "unchecked" } });
  }

  private onPhone(phone: PhoneState): void {
    const refused = phone.line === "refused" && this.view.phone.line !== "refused";
    const rings = phone.calls.some((call) => call.phase === "ringing");
    if (rings && !phone.calls.some(isTalking)) this.ports.ring.start();
    else this.ports.ring.stop();
    this.ports.guardLeaving(inCall(phone));
    if (phone.line === "ready") this.attempt = 0;
    this.set({ phone });
    this.set({ silent: this.isSilent() });
    if (refused) this.again(() => void this.logInAnew());
  }

  private isSilent(): boolean {
    const rings = this.view.phone.calls.some((call) => call.phase === "ringing");
    return rings && !this.ports.ring.isAudible;
  }

  /** The secret may have been changed since it was fetched. */
  private async logInAnew(): Promise<void> {
    const { life, phone } = this;
    let logIn: PhoneLogIn | null;
    try {
      logIn = await this.ports.fetchLogIn();
    } catch {
      if (life === this.life) this.again(() => void this.logInAnew());
      return;
    }
    if (life !== this.life || !phone || this.phone !== phone) return;
    this.logIn = logIn;
    this.phone = null;
    phone.stop();
    this.onPhone(SILENT);
    await this.startPhone();
  }

  private again(run: () => void): void {
    const life = this.life;
    this.attempt += 1;
    const ms = waitMs(this.attempt, this.ports.random());
    this.ports.later(ms, () => life === this.life && run());
  }

  private troubled(trouble: MicrophoneTrouble): void {
    this.set({ microphone: { kind: "trouble", trouble } });
    const { status } = this.ports.desk.snapshot().desk;
    if (status.state === "available") this.ports.desk.chooseState("not_ready");
  }

  private stopGhosts(before: Desktop, now: Desktop): void {
    for (const { phase, linkedid, id } of this.view.phone.calls) {
      if (phase !== "ringing" || !linkedid) continue;
      const was = popOf(before, linkedid)?.state;
      if (was === "offered" && popOf(now, linkedid)?.state === "closed") this.stopGhost(id, linkedid);
    }
  }

  /** A ring whose end got lost: the server knows that nobody waits there any more. */
  private stopGhost(id: string, linkedid: string): void {
    this.ports.later(GHOST_MS, () => {
      const { calls, line } = this.view.phone;
      const rings = calls.some((call) => call.id === id && call.phase === "ringing");
      if (!rings || popOf(this.ports.desk.snapshot(), linkedid)?.state !== "closed") return;
      if (line === "ready") this.phone?.decline(id);
      else this.stopGhost(id, linkedid);
    });
  }

  private set(change: Partial<SoftphoneView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** The newest pop of that conversation: a call's id is SYSTEM/LINKEDID. */
export function popOf(desktop: Desktop, linkedid: string | null) {
  if (linkedid === null) return null;
  const pops = desktop.desk.pops.filter((pop) => afterSlash(pop.content.call.id) === linkedid);
  return pops.at(-1) ?? null;
}

function afterSlash(id: string): string {
  return id.slice(id.indexOf("/") + 1);
}
