/** What the agent sees, as a value: every frame turns one state into the next. */

import type {
  AgentCard,
  AgentStatus,
  CallConsult,
  Colleague,
  DayCounts,
  LeadCard,
  Notice,
  PopContent,
  PopSnapshot,
  Presence,
  RecordingNow,
  ServerFrame,
  WrapUp,
} from "./protocol.gen";

export type PopState = PopSnapshot["state"];
export type CloseReason = NonNullable<PopSnapshot["close_reason"]>;

export interface Pop {
  readonly id: string;
  readonly seq: number;
  readonly state: PopState;
  readonly content: PopContent;
  readonly offeredAt: number;
  readonly claimedAt: number | null;
  readonly closedAt: number | null;
  readonly closeReason: CloseReason | null;
  readonly wrapup: WrapUp | null;
  readonly note: string;
}

export interface DeskState {
  readonly agent: AgentCard | null;
  readonly status: AgentStatus;
  /** Oldest offer first. */
  readonly pops: readonly Pop[];
  readonly shown: string | null;
  /** The newest frame taken in; null before the first greeting. */
  readonly lastSeq: number | null;
  /** Server clock minus ours, milliseconds; 0 on one machine. */
  readonly skewMs: number;
  readonly notices: readonly Notice[];
  /** New leads of this agent, oldest first. */
  readonly leads: readonly LeadCard[];
  /** What this agent did today. */
  readonly day: DayCounts;
  /** Whom this agent asks about a call, or confers with. */
  readonly consults: readonly CallConsult[];
  /** Whether the calls in which this agent talks are recorded. */
  readonly recordings: readonly RecordingNow[];
  /** The call that the agent is about to give away: its transfer box is open. */
  readonly transferring: string | null;
  /** As they were when the agent looked last. */
  readonly colleagues: readonly Colleague[];
  readonly queues: readonly string[];
}

export const EMPTY: DeskState = {
  agent: null,
  status: {
    state: "offline",
    reason: null,
    since: null,
    activity: "idle",
    activity_since: null,
    next: null,
    misses: 0,
  },
  pops: [],
  shown: null,
  lastSeq: null,
  skewMs: 0,
  notices: [],
  leads: [],
  day: { offered: 0, answered: 0, missed: 0, talk_s: 0, wrapup_s: 0 },
  consults: [],
  recordings: [],
  transferring: null,
  colleagues: [],
  queues: [],
};

const CLOSED_KEPT = 10;
const NOTICES_KEPT = 3;
/** Below this a difference of clocks cannot be told from the time on the way. */
const SKEW_FLOOR_MS = 1000;

/** Frames seen before change nothing: the server sends at least once. */
export function apply(state: DeskState, frame: ServerFrame, nowMs: number): DeskState {
  switch (frame.kind) {
    case "hello": {
      const skew = frame.ts - nowMs;
      const greeted = {
        ...state,
        agent: frame.agent,
        status: frame.status,
        leads: frame.leads,
        day: frame.day,
        consults: frame.consults,
        // A server of before this page was has none.
        recordings: frame.recordings ?? [],
        transferring: frame.consults.at(-1)?.pop_id ?? state.transferring,
        skewMs: Math.abs(skew) > SKEW_FLOOR_MS ? skew : 0,
      };
      if (frame.resumed) return greeted;
      return settle({ ...greeted, lastSeq: frame.seq, pops: frame.pops.map(fromSnapshot) });
    }
    case "agent.state":
      return { ...state, status: frame.status };
    case "agent.day":
      return { ...state, day: frame.day };
    case "call.consult":
      return withConsult(state, frame);
    case "call.recording":
      return withRecording(state, frame);
    case "presence":
      return withPresence(state, frame);
    case "lead.new":
      return withLead(state, frame.lead);
    case "lead.gone":
      return { ...state, leads: state.leads.filter((lead) => lead.lead_id !== frame.lead_id) };
    case "notice":
      return { ...state, notices: [...state.notices, frame].slice(-NOTICES_KEPT) };
    default:
      // Of a newer server: what this page does not know changes nothing here.
      if (!("seq" in frame)) return state;
      if (isKnown(state, frame.seq)) return state;
      return settle({ ...withPop(state, frame), lastSeq: frame.seq });
  }
}

export function isKnown(state: DeskState, seq: number): boolean {
  return state.lastSeq !== null && seq <= state.lastSeq;
}

export function show(state: DeskState, id: string): DeskState {
  return state.pops.some((pop) => pop.id === id) ? { ...state, shown: id } : state;
}

/** Opens a claimed call's transfer box, or closes what is open. */
export function transferring(state: DeskState, id: string | null): DeskState {
  if (id === null) return { ...state, transferring: null };
  const pop = state.pops.find((one) => one.id === id);
  return pop?.state === "claimed" ? { ...state, shown: id, transferring: id } : state;
}

export function consultOf(state: DeskState, id: string): CallConsult | null {
  return state.consults.find((consult) => consult.pop_id === id) ?? null;
}

export function recordingOf(state: DeskState, id: string): RecordingNow | null {
  return state.recordings.find((one) => one.pop_id === id) ?? null;
}

/** Something that this page found out itself. */
export function noticed(state: DeskState, code: string, nowMs: number): DeskState {
  const notice: Notice = { v: 4, kind: "notice", ts: nowMs, level: "warning", code, text: "" };
  return { ...state, notices: [...state.notices, notice].slice(-NOTICES_KEPT) };
}

export function dismissNotice(state: DeskState, index: number): DeskState {
  return { ...state, notices: state.notices.filter((_, at) => at !== index) };
}

export function shownPop(state: DeskState): Pop | null {
  return state.pops.find((pop) => pop.id === state.shown) ?? null;
}

function withConsult(state: DeskState, consult: CallConsult): DeskState {
  const others = state.consults.filter((known) => known.pop_id !== consult.pop_id);
  if (consult.state === "over") return { ...state, consults: others };
  return { ...state, consults: [...others, consult], transferring: consult.pop_id };
}

function withRecording(state: DeskState, told: RecordingNow): DeskState {
  const others = state.recordings.filter((known) => known.pop_id !== told.pop_id);
  return { ...state, recordings: [...others, told] };
}

function withPresence(state: DeskState, told: Presence): DeskState {
  if (told.whole) return { ...state, colleagues: told.agents, queues: told.queues };
  const changed = new Map(told.agents.map((agent) => [agent.login, agent]));
  const colleagues = state.colleagues.map((known) => changed.get(known.login) ?? known);
  return { ...state, colleagues };
}

function withLead(state: DeskState, lead: LeadCard): DeskState {
  if (state.leads.some((known) => known.lead_id === lead.lead_id)) return state;
  return { ...state, leads: [...state.leads, lead] };
}

type PopFrame = Exclude<
  ServerFrame,
  {
    kind:
      | "hello"
      | "agent.state"
      | "agent.day"
      | "call.consult"
      | "call.recording"
      | "presence"
      | "notice"
      | "lead.new"
      | "lead.gone";
  }
>;

function withPop(state: DeskState, frame: PopFrame): DeskState {
  if (frame.kind === "pop.offer") {
    const pop: Pop = {
      id: frame.pop_id,
      seq: frame.seq,
      state: "offered",
      content: frame.content,
      offeredAt: frame.ts,
      claimedAt: null,
      closedAt: null,
      closeReason: null,
      wrapup: null,
      note: "",
    };
    return { ...state, pops: [...state.pops.filter((old) => old.id !== pop.id), pop] };
  }
  const pops = state.pops.map((pop) => (pop.id === frame.pop_id ? changed(pop, frame) : pop));
  // An answered call comes to the front, whatever was looked at.
  return { ...state, pops, shown: frame.kind === "pop.claim" ? frame.pop_id : state.shown };
}

function changed(pop: Pop, frame: Exclude<PopFrame, { kind: "pop.offer" }>): Pop {
  const seen = { ...pop, seq: frame.seq };
  switch (frame.kind) {
    case "pop.update":
      return { ...seen, content: frame.content };
    case "pop.claim":
      return { ...seen, state: "claimed", claimedAt: frame.ts };
    case "pop.wrapup":
      return { ...seen, state: "wrapup", wrapup: frame.wrapup };
    case "pop.close":
      return { ...seen, state: "closed", closedAt: frame.ts, closeReason: frame.reason };
  }
}

function fromSnapshot(pop: PopSnapshot): Pop {
  return {
    id: pop.pop_id,
    seq: pop.seq,
    state: pop.state,
    content: pop.content,
    offeredAt: pop.offered_at,
    claimedAt: pop.claimed_at,
    closedAt: pop.closed_at,
    closeReason: pop.close_reason,
    wrapup: pop.wrapup,
    note: pop.note,
  };
}

const URGENCY: Record<PopState, number> = { claimed: 0, offered: 1, wrapup: 2, closed: 3 };

/** Drops old closed pops, and picks what to show: nothing open is ever pushed aside by a ring. */
function settle(before: DeskState): DeskState {
  const talking = new Set(before.pops.filter((pop) => pop.state === "claimed").map((pop) => pop.id));
  const state: DeskState = {
    ...before,
    transferring: talking.has(before.transferring ?? "") ? before.transferring : null,
    recordings: before.recordings.filter((one) => talking.has(one.pop_id)),
  };
  const closed = state.pops.filter((pop) => pop.state === "closed").slice(-CLOSED_KEPT);
  const pops = state.pops.filter((pop) => pop.state !== "closed" || closed.includes(pop));
  const current = pops.find((pop) => pop.id === state.shown);
  if (current && current.state !== "closed") return { ...state, pops };
  const open = pops.filter((pop) => pop.state !== "closed");
  const next = open.sort((a, b) => URGENCY[a.state] - URGENCY[b.state])[0];
  return { ...state, pops, shown: next?.id ?? current?.id ?? null };
}
