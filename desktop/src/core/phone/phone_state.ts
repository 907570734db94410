/** What a telephone is doing, as a value: everything that happens turns one state into the next. */

/** `lost`: was ready, and the connection that carries the signalling is gone; voices go on.
 * `signed_out`, `not_theirs`: as lost, until the agent has logged in again. */
export type Line =
  | "off"
  | "connecting"
  | "ready"
  | "lost"
  | "refused"
  | "signed_out"
  | "not_theirs";

export type CallPhase = "ringing" | "answering" | "talking" | "hanging_up";

/** `microphone`: it could not be opened to answer. */
export type EndReason = "hung_up" | "declined" | "gone" | "transferred" | "microphone" | "failed";

export interface Transfer {
  readonly target: string;
  readonly phase: "asked" | "failed";
}

export interface PhoneCall {
  readonly id: string;
  /** Asterisk's own id of the conversation, by which a pop is found; null: no queue's call. */
  readonly linkedid: string | null;
  readonly number: string;
  readonly name: string;
  readonly phase: CallPhase;
  readonly talkingSince: number | null;
  readonly muted: boolean;
  readonly held: boolean;
  /** Voices can pass, and so can key presses. */
  readonly media: boolean;
  readonly transfer: Transfer | null;
  /** Wished for while the line was lost: done as soon as it is back. */
  readonly delayed: "hold" | "resume" | "hang_up" | null;
}

export interface PhoneState {
  readonly line: Line;
  /** Oldest first. */
  readonly calls: readonly PhoneCall[];
  readonly lastEnd: { readonly id: string; readonly why: EndReason } | null;
}

export const SILENT: PhoneState = { line: "off", calls: [], lastEnd: null };

export type PhoneEvent =
  | { readonly kind: "line"; readonly line: Line }
  | {
      readonly kind: "rang";
      readonly id: string;
      readonly linkedid: string | null;
      readonly number: string;
      readonly name: string;
    }
  | { readonly kind: "answering"; readonly id: string }
  | { readonly kind: "answered"; readonly id: string; readonly at: number }
  | { readonly kind: "media"; readonly id: string; readonly up: boolean }
  | { readonly kind: "muted"; readonly id: string; readonly on: boolean }
  | { readonly kind: "held"; readonly id: string; readonly on: boolean }
  | { readonly kind: "transfer"; readonly id: string; readonly transfer: Transfer | null }
  | { readonly kind: "delayed"; readonly id: string; readonly wish: PhoneCall["delayed"] }
  | { readonly kind: "hanging_up"; readonly id: string }
  | { readonly kind: "ended"; readonly id: string; readonly why: EndReason };

/** Things told too late, or twice, change nothing. */
export function advance(state: PhoneState, event: PhoneEvent): PhoneState {
  switch (event.kind) {
    case "line":
      return state.line === event.line ? state : { ...state, line: event.line };
    case "rang":
      return callOf(state, event.id) ? state : { ...state, calls: [...state.calls, fresh(event)] };
    case "ended": {
      if (!callOf(state, event.id)) return state;
      const calls = state.calls.filter((call) => call.id !== event.id);
      return { ...state, calls, lastEnd: { id: event.id, why: event.why } };
    }
    default: {
      const call = callOf(state, event.id);
      const next = call && changed(call, event);
      if (!call || next === call) return state;
      return { ...state, calls: state.calls.map((one) => (one === call ? next : one)) as PhoneCall[] };
    }
  }
}

export function callOf(state: PhoneState, id: string): PhoneCall | null {
  return state.calls.find((call) => call.id === id) ?? null;
}

export function isTalking(call: PhoneCall): boolean {
  return call.phase === "talking" || call.phase === "hanging_up";
}

/** A call that a closed page would cut. */
export function inCall(state: PhoneState): boolean {
  return state.calls.some((call) => call.phase !== "ringing");
}

/** The one to control: that which is talked on, else the one that rings longest. */
export function foremost(state: PhoneState): PhoneCall | null {
  const talking = state.calls.filter((call) => call.phase !== "ringing");
  return talking.find((call) => !call.held) ?? talking[0] ?? state.calls[0] ?? null;
}

type Ring = Extract<PhoneEvent, { kind: "rang" }>;
type Change = Exclude<PhoneEvent, { kind: "line" | "rang" | "ended" }>;

function fresh(event: Ring): PhoneCall {
  return {
    id: event.id,
    linkedid: event.linkedid,
    number: event.number,
    name: event.name,
    phase: "ringing",
    talkingSince: null,
    muted: false,
    held: false,
    media: false,
    transfer: null,
    delayed: null,
  };
}

function changed(call: PhoneCall, event: Change): PhoneCall {
  switch (event.kind) {
    case "answering":
      return call.phase === "ringing" ? { ...call, phase: "answering" } : call;
    case "answered":
      if (call.phase !== "ringing" && call.phase !== "answering") return call;
      return { ...call, phase: "talking", talkingSince: event.at };
    case "media":
      return call.media === event.up ? call : { ...call, media: event.up };
    case "hanging_up":
      return isTalking(call) ? { ...call, phase: "hanging_up", delayed: null } : call;
    case "delayed":
      return isTalking(call) ? { ...call, delayed: event.wish } : call;
    case "muted":
      return { ...call, muted: event.on };
    case "held":
      return isTalking(call) ? { ...call, held: event.on } : call;
    case "transfer":
      return isTalking(call) ? { ...call, transfer: event.transfer } : call;
  }
}
