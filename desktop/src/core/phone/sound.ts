/** Which microphone speaks, where voices and the ring are heard, and how loud it rings; kept in this
 * browser by the devices' ids. A device that is gone is not forgotten: the default stands in for it
 * until it is back. */

export type Part = "microphone" | "speaker" | "ring";
export const PARTS: readonly Part[] = ["microphone", "speaker", "ring"];

export interface Device {
  readonly id: string;
  readonly label: string;
}

export interface SoundView {
  /** To choose from, besides the default; null: this browser lets no page choose. */
  readonly devices: Readonly<Record<Part, readonly Device[] | null>>;
  /** Null: the default. */
  readonly chosen: Readonly<Record<Part, Device | null>>;
  /** Chosen, and not there now. */
  readonly gone: Readonly<Record<Part, boolean>>;
  /** 0 to 1. */
  readonly volume: number;
}

export interface SoundPorts {
  readonly storage: Pick<Storage, "getItem" | "setItem">;
  /** Undefined where the page came without https. */
  readonly media: Pick<MediaDevices, "enumerateDevices" | "addEventListener"> | undefined;
  /** What `setSinkId` can be asked of. */
  readonly speaker: boolean;
  readonly ring: boolean;
}

export const FIRST_VOLUME = 0.5;
/** A ring that nobody can hear is no choice. */
export const LOWEST_VOLUME = 0.05;
const KEPT = "switchboard.sound";
/** Chromium's names for whatever the system says: that is our default. */
const STAND_INS = new Set(["", "default", "communications"]);
const NONE = { microphone: null, speaker: null, ring: null };

export class Sound {
  private view: SoundView;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly ports: SoundPorts) {
    this.view = {
      devices: NONE,
      gone: { microphone: false, speaker: false, ring: false },
      ...kept(ports.storage.getItem(KEPT)),
    };
    ports.media?.addEventListener("devicechange", () => void this.look());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): SoundView => this.view;

  /** Also once the microphone is allowed: before, a browser names no device. */
  async look(): Promise<void> {
    const all = await this.ports.media?.enumerateDevices().catch(() => null);
    if (!all) return;
    const inputs = ofKind(all, "audioinput");
    const outputs = ofKind(all, "audiooutput");
    const devices = {
      microphone: inputs,
      speaker: this.ports.speaker ? outputs : null,
      ring: this.ports.ring ? outputs : null,
    };
    this.set({ devices });
  }

  choose(part: Part, id: string | null): void {
    const device = this.view.devices[part]?.find((one) => one.id === id) ?? null;
    this.set({ chosen: { ...this.view.chosen, [part]: device } });
    this.keep();
  }

  setVolume(volume: number): void {
    this.set({ volume: bounded(volume) });
    this.keep();
  }

  /** The id to use now; empty: the default. */
  idOf(part: Part): string {
    return this.view.gone[part] ? "" : (this.view.chosen[part]?.id ?? "");
  }

  /** Never refused for a device that has gone a moment ago: another one is opened then. */
  get voice(): MediaStreamConstraints {
    const id = this.idOf("microphone");
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return { audio: id ? { ...audio, deviceId: { ideal: id } } : audio, video: false };
  }

  private keep(): void {
    const { chosen, volume } = this.view;
    this.ports.storage.setItem(KEPT, JSON.stringify({ chosen, volume }));
  }

  private set(change: Partial<SoundView>): void {
    const view = { ...this.view, ...change };
    const isGone = (part: Part) => {
      const [there, chosen] = [view.devices[part], view.chosen[part]];
      // Of none it is not known: the microphone is not allowed yet.
      return !!chosen && !!there && there.length > 0 && !there.some((one) => one.id === chosen.id);
    };
    const gone = { microphone: isGone("microphone"), speaker: isGone("speaker"), ring: isGone("ring") };
    this.view = { ...view, gone };
    for (const listener of this.listeners) listener();
  }
}

function ofKind(all: readonly MediaDeviceInfo[], kind: MediaDeviceKind): Device[] {
  return all
    .filter((one) => one.kind === kind && !STAND_INS.has(one.deviceId))
    .map((one) => ({ id: one.deviceId, label: one.label }));
}

function bounded(volume: number): number {
  return Math.min(1, Math.max(LOWEST_VOLUME, volume));
}

function kept(text: string | null): Pick<SoundView, "chosen" | "volume"> {
  const first = { chosen: NONE, volume: FIRST_VOLUME };
  if (!text) return first;
  try {
    const found = JSON.parse(text) as { chosen?: Partial<Record<Part, unknown>>; volume?: unknown };
    const chosen = PARTS.map((part) => [part, deviceOf(found.chosen?.[part])] as const);
    return {
      chosen: Object.fromEntries(chosen) as SoundView["chosen"],
      volume: typeof found.volume === "number" ? bounded(found.volume) : FIRST_VOLUME,
    };
  } catch {
    return first;
  }
}

function deviceOf(found: unknown): Device | null {
  const { id, label } = (found ?? {}) as Partial<Record<keyof Device, unknown>>;
  if (typeof id !== "string" || !id) return null;
  return { id, label: typeof label === "string" ? label : "" };
}
