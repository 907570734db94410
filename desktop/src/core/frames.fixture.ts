/** Frames for the tests of the core, as the server writes them. */

import type { PopContent, ServerFrame, WrapUp } from "./protocol.gen";
import { EMPTY } from "./store";

export const CONTENT: PopContent = {
  call: {
    id: "pbx/1.1",
    queue: "support",
    dialled: "+18005550100",
    number: "+12025550102",
    network_name: "V STONE",
    withheld: false,
    attestation: null,
    language: "en",
    arrived_at: 0,
    queued_at: 0,
    keys: [],
    transferred_from: null,
    notes: [],
  },
  note: null,
  offer: null,
  match: { outcome: "pending", method: "", confidence: 0, candidates: [], selected: null },
  contact: null,
  segments: null,
  decision: null,
  lead: null,
  degraded: [],
  churn: null,
  open: null,
  follow_ups: [],
};

type Hello = Extract<ServerFrame, { kind: "hello" }>;

export function hello(fields: Partial<Hello> = {}): Hello {
  return {
    v: 4,
    kind: "hello",
    ts: 1000,
    agent: { login: "anna", name: "Anna", language: "en", role: "agent", queues: [] },
    status: { ...EMPTY.status, state: "available", since: 0 },
    day: EMPTY.day,
    seq: 0,
    resumed: false,
    pops: [],
    leads: [],
    consults: [],
    recordings: [],
    ...fields,
  };
}

export function offer(seq: number, id = "p1"): ServerFrame {
  return { v: 4, kind: "pop.offer", ts: seq, seq, pop_id: id, content: CONTENT };
}

export function claim(seq: number, id = "p1"): ServerFrame {
  return { v: 4, kind: "pop.claim", ts: seq, seq, pop_id: id };
}

export function close(seq: number, id = "p1"): ServerFrame {
  return { v: 4, kind: "pop.close", ts: seq, seq, pop_id: id, reason: "missed" };
}

export function wrapup(seq: number, id = "p1"): ServerFrame {
  const asked: WrapUp = {
    codes: ["sale"],
    mode: "optional",
    mandatory: false,
    limit_s: null,
    ends_at: null,
    default_code: null,
    extend_s: 0,
    extensions_left: 0,
    chosen: null,
    talk_s: 3,
    transferred: false,
  };
  return { v: 4, kind: "pop.wrapup", ts: seq, seq, pop_id: id, wrapup: asked };
}
