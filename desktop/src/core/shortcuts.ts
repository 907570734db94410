/** Keys that work all over the page, others where the agent prefers them. Never a bare key, but for
 * the question mark, which can be switched off (WCAG 2.1.4). */

export const PHONE_ACTIONS = [
  "accept",
  "decline",
  "mute",
  "hold",
  "keypad",
  "transfer",
  "hang_up",
] as const;
export const DESK_ACTIONS = [
  "state",
  "note",
  "follow_up",
  "finish",
  "crm",
  "previous",
  "next",
  "my_calls",
  "help",
  "recording",
] as const;
export type PhoneAction = (typeof PHONE_ACTIONS)[number];
export type Action = PhoneAction | (typeof DESK_ACTIONS)[number];
/** Where two have the same keys, the earlier one is done. */
export const ACTIONS: readonly Action[] = [...PHONE_ACTIONS, ...DESK_ACTIONS];

/** `code` is the key's place on the keyboard (KeyboardEvent.code), whatever language is typed. */
export interface Chord {
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly code: string;
}

export type Chords = Readonly<Record<Action, Chord>>;

const first = (code: string): Chord => ({ ctrl: true, alt: false, shift: true, code });
const second = (code: string): Chord => ({ ctrl: false, alt: true, shift: true, code });

/** Not Ctrl+Shift with T, N, W, which browsers keep to themselves, nor Alt+Shift with A, B, I, T:
 * Chromium's own. */
export const FIRST_CHORDS: Chords = {
  accept: first("KeyA"),
  decline: first("KeyD"),
  mute: first("KeyU"),
  hold: first("KeyL"),
  keypad: first("KeyK"),
  transfer: first("KeyX"),
  hang_up: first("KeyE"),
  state: second("KeyS"),
  note: second("KeyN"),
  follow_up: second("KeyP"),
  finish: second("KeyF"),
  crm: second("KeyO"),
  previous: second("ArrowUp"),
  next: second("ArrowDown"),
  my_calls: second("KeyC"),
  help: second("KeyH"),
  recording: second("KeyR"),
};

/** What ends a call is not done from within a field, where a slip is likely. */
const NEVER_WHILE_TYPING = new Set<Action>(["decline", "hang_up"]);
/** Going through the list, the same keys are meant each time. */
const NEVER_A_SLIP = new Set<Action>(["previous", "next"]);
/** Twice within this is a slip. */
export const PAUSE_MS = 400;
const KEPT = "switchboard.shortcuts";
const NO_QUESTION_MARK = "switchboard.no_question_mark";

export interface Pressed {
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
  readonly code: string;
  /** What the keyboard's language makes of it. */
  readonly key: string;
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

const ARROWS: Readonly<Record<string, string>> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
};

export function textOf(chord: Chord): string {
  const key = keyOf(chord);
  return joined(chord, "Ctrl", ARROWS[key] ?? key);
}

/** As `aria-keyshortcuts` wants it (WAI-ARIA 1.2). */
export function ariaOf(chord: Chord): string {
  return joined(chord, "Control", keyOf(chord));
}

function keyOf(chord: Chord): string {
  return chord.code.replace(/^(Key|Digit)/, "");
}

function joined(chord: Chord, ctrl: string, key: string): string {
  const parts = [chord.ctrl && ctrl, chord.alt && "Alt", chord.shift && "Shift", key];
  return parts.filter(Boolean).join("+");
}

/** `by`: which has these keys already. */
export type Change =
  | { readonly kind: "changed" }
  | { readonly kind: "bare" }
  | { readonly kind: "taken"; readonly by: Action };

/** False: there is nothing to do it to. */
export type Doing = () => boolean;

export class Shortcuts {
  chords: Chords;
  /** Whether a question mark alone opens the list of these keys. */
  questionMark: boolean;
  private readonly doings = new Map<Action, Doing[]>();
  private readonly listeners = new Set<() => void>();
  private last: { action: Action; at: number } | null = null;
  private covers = 0;

  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">,
    private readonly now: () => number,
  ) {
    this.chords = { ...FIRST_CHORDS, ...kept(storage.getItem(KEPT)) };
    this.questionMark = storage.getItem(NO_QUESTION_MARK) === null;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Chords => this.chords;

  /** What is on the screen says what its keys do, until it calls what this returns. */
  handle(doings: Partial<Record<Action, Doing>>): () => void {
    const all = Object.entries(doings) as [Action, Doing][];
    for (const [action, doing] of all) {
      this.doings.set(action, [...(this.doings.get(action) ?? []), doing]);
    }
    return () => {
      for (const [action, doing] of all) {
        const left = this.doings.get(action)?.filter((one) => one !== doing) ?? [];
        this.doings.set(action, left);
      }
    };
  }

  /** While something stands over the page nothing is done to what is below it, until that calls
   * what this returns. */
  cover(): () => void {
    this.covers += 1;
    return () => {
      this.covers -= 1;
    };
  }

  /** True where something was done: the browser is to do nothing more with it. */
  press(event: Pressed & { readonly repeat: boolean }, typing: boolean): boolean {
    if (this.covers > 0) return false;
    const action = this.actionOf(event, typing);
    return action !== null && (this.doings.get(action) ?? []).some((doing) => doing());
  }

  /** What is asked for by these keys; null: nothing, or the same again by a slip. */
  actionOf(event: Pressed & { readonly repeat: boolean }, typing: boolean): Action | null {
    const chord = chordOf(event);
    const asked = this.questionMark && !typing && !chord && event.key === "?" && !event.metaKey;
    const action = asked ? "help" : chord && ACTIONS.find((one) => same(this.chords[one], chord));
    if (!action || event.repeat || (typing && NEVER_WHILE_TYPING.has(action))) return null;
    const at = this.now();
    const again = this.last?.action === action && at - this.last.at < PAUSE_MS;
    this.last = { action, at };
    return again && !NEVER_A_SLIP.has(action) ? null : action;
  }

  change(action: Action, event: Pressed): Change {
    const chord = chordOf(event);
    if (!chord) return { kind: "bare" };
    const by = ACTIONS.find((one) => one !== action && same(this.chords[one], chord));
    if (by) return { kind: "taken", by };
    this.chords = { ...this.chords, [action]: chord };
    this.storage.setItem(KEPT, JSON.stringify(this.chords));
    this.tell();
    return { kind: "changed" };
  }

  /** Of which another has the same keys and goes first: kept before this one had keys at all. */
  rivalOf(action: Action): Action | null {
    const winner = ACTIONS.find((one) => same(this.chords[one], this.chords[action]));
    return winner && winner !== action ? winner : null;
  }

  useQuestionMark(on: boolean): void {
    this.questionMark = on;
    if (on) this.storage.removeItem(NO_QUESTION_MARK);
    else this.storage.setItem(NO_QUESTION_MARK, "1");
    this.tell();
  }

  reset(): void {
    this.chords = FIRST_CHORDS;
    this.storage.removeItem(KEPT);
    this.useQuestionMark(true);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
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
