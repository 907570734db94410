/** Whether the microphone can be used, told in words an agent can act on. */

export type MicrophoneTrouble = "denied" | "missing" | "in_use" | "insecure" | "unknown";

export type Microphone =
  | { readonly kind: "unchecked" }
  | { readonly kind: "asking" }
  | { readonly kind: "works" }
  | { readonly kind: "trouble"; readonly trouble: MicrophoneTrouble };

/** By the names of getUserMedia's errors (W3C Media Capture and Streams). */
export function troubleOf(error: unknown): MicrophoneTrouble {
  switch ((error as { name?: string } | null)?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "in_use";
    default:
      return "unknown";
  }
}

/** Opens it and lets go again: the browser asks now, and not while a caller rings. */
export async function probe(
  media: MediaDevices | undefined,
  wanted: MediaStreamConstraints,
): Promise<MicrophoneTrouble | null> {
  if (!media) return "insecure";
  try {
    const stream = await media.getUserMedia(wanted);
    for (const track of stream.getTracks()) track.stop();
    return null;
  } catch (error) {
    return troubleOf(error);
  }
}

/** Tells when the permission is taken back, or the last microphone is unplugged. */
export async function watch(media: MediaDevices, onChange: () => void): Promise<() => void> {
  const onDevices = () => void hasInput(media).then((has) => !has && onChange());
  media.addEventListener("devicechange", onDevices);
  let permission: PermissionStatus | null = null;
  try {
    permission = await navigator.permissions.query({ name: "microphone" as PermissionName });
    permission.onchange = onChange;
  } catch {
    // A browser that does not tell: the next call will.
  }
  return () => {
    media.removeEventListener("devicechange", onDevices);
    if (permission) permission.onchange = null;
  };
}

async function hasInput(media: MediaDevices): Promise<boolean> {
  return (await media.enumerateDevices()).some((device) => device.kind === "audioinput");
}

const METER_MS = 100;

/** How loud it is, 0 to 1, ten times a second until `close`. */
export class Meter {
  private timer: ReturnType<typeof setInterval> | null = null;
  private stream: MediaStream | null = null;
  private context: AudioContext | null = null;
  private closed = false;

  async open(
    media: MediaDevices,
    wanted: MediaStreamConstraints,
    onLevel: (level: number) => void,
  ): Promise<void> {
    const stream = await media.getUserMedia(wanted);
    this.stream = stream;
    if (this.closed) {
      this.close();
      return;
    }
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    this.context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      onLevel(levelOf(samples));
    }, METER_MS);
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    void this.context?.close();
    this.context = null;
  }
}

/** From -50 dB, a quiet room, to 0 dB. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 50) / 50));
}
