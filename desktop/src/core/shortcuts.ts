/** Keys that work all over the page: Ctrl+Shift and a letter at first, others where the agent
 * prefers them. Never a bare key (WCAG 2.1.4). */

export const ACTIONS = [
  "accept",
  "decline",
  "mute",
  "hold",
  "keypad",
  "transfer",
  "hang_up",
] as const;
export type Action = (typeof ACTIONS)[number];

/** `code` is the key's place on the keyboard (KeyboardEvent.code), whatever language is typed. */
export interface Chord {
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly code: string;
}

export type Chords = Readonly<Record<Action, Chord>>;

const first = (code: string): Chord => ({ ctrl: true, alt: false, shift: true, code });

/** Not T, N, W: browsers keep Ctrl+Shift with these to themselves. */
export const FIRST_CHORDS: Chords = {
  accept: first("KeyA"),
  decline: first("KeyD"),
  mute: first("KeyU"),
  hold: first("KeyL"),
  keypad: first("KeyK"),
  transfer: first("KeyX"),
  hang_up: first("KeyE"),
};

/** What ends a call is not done from within a field, where a slip is likely. */
const NEVER_WHILE_TYPING = new Set<Action>(["decline", "hang_up"]);
/** Twice within this is a slip. */
export const PAUSE_MS = 400;
const KEPT = "switchboard.shortcuts";

export interface Pressed {
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
  readonly code: string;
}

/** Null: a modifier alone, or none at all. */
export function chordOf(event: Pressed): Chord | null {
  if (/^(Control|Shift|Alt|Meta)/.test(event.code) || !event.code || event.metaKey) return null;
  if (!event.ctrlKey && !event.altKey) return null;
  return { ctrl: event.ctrlKey, alt: event.altKey, shift: event.shiftKey, code: event.code };
}

export function same(a: Chord, b: Chord): boolean {
  return a.ctrl === b.ctrl && a.alt === b.alt && a.shift === b.shift && a.code === b.code;
}

export function textOf(chord: Chord): string {
  const key = chord.code.replace(/^(Key|Digit)/, "");
  const parts = [chord.ctrl && "Ctrl", chord.alt && "Alt", chord.shift && "Shift", key];
  return parts.filter(Boolean).join("+");
}

export type Change = "changed" | "taken" | "bare";

export class Shortcuts {
  chords: Chords;
  private last: { action: Action; at: number } | null = null;

  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">,
    private readonly now: () => number,
  ) {
    this.chords = { ...FIRST_CHORDS, ...kept(storage.getItem(KEPT)) };
  }

  /** What is asked for by these keys; null: nothing, or the same again by a slip. */
  actionOf(event: Pressed & { readonly repeat: boolean }, typing: boolean): Action | null {
    const chord = chordOf(event);
    const action = chord && ACTIONS.find((one) => same(this.chords[one], chord));
    if (!action || event.repeat || (typing && NEVER_WHILE_TYPING.has(action))) return null;
    const at = this.now();
    const slip = this.last?.action === action && at - this.last.at < PAUSE_MS;
    this.last = { action, at };
    return slip ? null : action;
  }

  change(action: Action, event: Pressed): Change {
    const chord = chordOf(event);
    if (!chord) return "bare";
    if (ACTIONS.some((one) => one !== action && same(this.chords[one], chord))) return "taken";
    this.chords = { ...this.chords, [action]: chord };
    this.storage.setItem(KEPT, JSON.stringify(this.chords));
    return "changed";
  }

  reset(): void {
    this.chords = FIRST_CHORDS;
    this.storage.removeItem(KEPT);
  }
}

function kept(text: string | null): Partial<Chords> {
  if (!text) return {};
  try {
    const found = JSON.parse(text) as Record<string, Partial<Chord> | undefined>;
    const whole = (chord: Partial<Chord> | undefined) =>
      typeof chord?.code === "string" && (chord.ctrl === true || chord.alt === true);
    return Object.fromEntries(
      ACTIONS.filter((action) => whole(found[action])).map((action) => [action, found[action]]),
    ) as Partial<Chords>;
  } catch {
    return {};
  }
}
