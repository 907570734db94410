/** The ring, made of two tones: no file to load, and none that could be missing. */

const TONES_HZ = [440, 480];
const RING_S = 1;
const PAUSE_S = 2;
/** Of each tone at full volume: the two together stay below what distorts. */
const LOUDEST = 0.36;

export interface RingPlace {
  /** The id of the device, empty for the default. */
  device(): string;
  /** 0 to 1. */
  volume(): number;
}

/** Chromium has it (110); TypeScript's types do not. */
type Movable = AudioContext & { setSinkId?: (id: string) => Promise<void> };

/** Whether a ring can be sent to a device of its own. */
export function canMove(): boolean {
  return "setSinkId" in AudioContext.prototype;
}

export class Ringer {
  private context: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private sounding: OscillatorNode[] = [];
  onAudible: () => void = () => undefined;

  constructor(private readonly place: RingPlace) {
    for (const gesture of ["pointerdown", "keydown"]) {
      window.addEventListener(gesture, () => void this.context?.resume());
    }
  }

  /** False: the browser keeps the page silent until somebody clicks in it. */
  get isAudible(): boolean {
    return this.audio().state === "running";
  }

  start(): void {
    if (this.timer) return;
    this.once();
    this.timer = setInterval(() => this.once(), (RING_S + PAUSE_S) * 1000);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    for (const tone of this.sounding.splice(0)) tone.stop();
  }

  /** One ring, asked for by a click, which also lets later ones be heard. */
  async test(): Promise<void> {
    await this.wake();
    this.once();
  }

  async wake(): Promise<void> {
    await this.audio().resume();
  }

  /** To the device that is chosen now. */
  move(): void {
    // Refused where it has just gone: the ring stays where it is.
    const context = this.context as Movable | null;
    context?.setSinkId?.(this.place.device()).catch(() => undefined);
  }

  private audio(): AudioContext {
    if (!this.context) {
      this.context = new AudioContext();
      this.context.onstatechange = () => this.onAudible();
      this.move();
    }
    return this.context;
  }

  private once(): void {
    const audio = this.audio();
    const from = audio.currentTime;
    const until = from + RING_S;
    const volume = LOUDEST * this.place.volume();
    const gain = audio.createGain();
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(volume, from + 0.03);
    gain.gain.setValueAtTime(volume, until - 0.05);
    gain.gain.linearRampToValueAtTime(0, until);
    gain.connect(audio.destination);
    this.sounding = TONES_HZ.map((hertz) => {
      const tone = audio.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(gain);
      tone.start(from);
      tone.stop(until);
      return tone;
    });
  }
}
