/** When an agent means to call back: times of this browser's clock, as `datetime-local` writes them. */

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const MORNING = 9;

export const QUICK = ["in_hour", "tomorrow", "monday"] as const;
export type Quick = (typeof QUICK)[number];

export interface Draft {
  /** Tells the server that it is the same, however often it is sent. */
  readonly id: string;
  /** As the field holds it; empty: no time. */
  readonly when: string;
  /** Null: as the note on the call. */
  readonly text: string | null;
}

export function newDraft(): Draft {
  return { id: newId(), when: "", text: null };
}

/** `crypto.randomUUID` is only there on https; a try-out is not. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function quickTime(quick: Quick, nowMs: number): string {
  if (quick === "in_hour") return toField(nowMs + HOUR_MS);
  const morning = new Date(nowMs);
  // Sunday is 0: a week on where today is a Monday.
  const days = quick === "tomorrow" ? 1 : (8 - morning.getDay()) % 7 || 7;
  morning.setDate(morning.getDate() + days);
  morning.setHours(MORNING, 0, 0, 0);
  return toField(morning.getTime());
}

/** The earliest and the latest time that may be chosen. */
export function bounds(nowMs: number): { min: string; max: string } {
  const last = new Date(nowMs);
  last.setFullYear(last.getFullYear() + 1);
  return { min: toField(nowMs), max: toField(last.getTime()) };
}

export function toField(ms: number): string {
  const at = new Date(Math.ceil(ms / MINUTE_MS) * MINUTE_MS);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Milliseconds since 1970; null: no time. */
export function fromField(text: string): number | null {
  const ms = text ? new Date(text).getTime() : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}
