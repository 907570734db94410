// Generated from screenpop/desk/protocol.py and screenpop/pops/past_calls.py; do not edit. Made
// anew by: python -m screenpop.desk.generate_types

export const PROTOCOL_VERSION = 4;

export interface Ack {
  kind: "ack";
  pop_id: string;
  seq: number;
  rendered_ms?: number | null;
}

export interface AgentCard {
  login: string;
  name: string;
  language: string;
  role: string;
  queues: readonly string[];
}

export interface AgentDay {
  v: 4;
  ts: number;
  kind: "agent.day";
  day: DayCounts;
}

export type AgentState = "available" | "not_ready" | "offline";

export interface AgentStateChanged {
  v: 4;
  ts: number;
  kind: "agent.state";
  status: AgentStatus;
}

export interface AgentStatus {
  state: AgentState;
  reason: string | null;
  since: number | null;
  activity: "idle" | "ringing" | "on_call" | "hold" | "wrapup" | "missed";
  activity_since: number | null;
  next: NextState | null;
  misses: number;
}

export interface CallConference {
  kind: "call.conference";
  pop_id: string;
}

export interface CallConsult {
  v: 4;
  ts: number;
  kind: "call.consult";
  pop_id: string;
  target: string;
  name: string;
  state: "asking" | "talking" | "conference" | "over";
}

export interface CallShown {
  id: string;
  queue: string | null;
  dialled: string;
  number: string | null;
  network_name: string | null;
  withheld: boolean;
  attestation: string | null;
  language: string;
  arrived_at: number | null;
  queued_at: number | null;
  keys: readonly KeyShown[];
  transferred_from: string | null;
  notes: readonly string[];
}

export interface CallTransfer {
  kind: "call.transfer";
  pop_id: string;
  target: string;
  how?: "blind" | "attended";
  to?: "phone" | "queue";
}

export interface CallTransferCancel {
  kind: "call.transfer_cancel";
  pop_id: string;
}

export interface CallTransferComplete {
  kind: "call.transfer_complete";
  pop_id: string;
}

export interface CallbackCancel {
  kind: "callback.cancel";
  pop_id: string;
  id: string;
}

export interface CallbackCreate {
  kind: "callback.create";
  pop_id: string;
  id: string;
  at?: number | null;
  note?: string;
}

export interface CandidateShown {
  ref: string;
  name: string;
  company: string | null;
  url: string | null;
}

export interface CaseShown {
  id: string;
  subject: string;
  case_kind: string;
  is_open: boolean;
  opened_at: number;
}

export interface ChurnShown {
  risk: number;
  level: "low" | "middle" | "high";
  horizon_days: number;
  reasons: readonly string[];
  reasons_zh: readonly string[];
}

export interface Colleague {
  login: string;
  name: string;
  state: AgentState | null;
  activity: "idle" | "ringing" | "on_call" | "hold" | "wrapup" | "missed";
}

export interface ContactShown {
  ref: string;
  name: string;
  company: string | null;
  language: string | null;
  url: string | null;
  owner: string | null;
  purchases: readonly PurchaseShown[];
  orders: readonly OrderShown[];
  cases: readonly CaseShown[];
}

export interface DayCounts {
  offered: number;
  answered: number;
  missed: number;
  talk_s: number;
  wrapup_s: number;
}

export interface DecisionShown {
  rulebook_version: string;
  menu: string | null;
  rule: string | null;
  priority: number;
  recording: string | null;
}

export interface Disposition {
  kind: "disposition";
  pop_id: string;
  code: string;
  note?: string;
}

export interface FollowUpShown {
  id: string;
  at: number | null;
  note: string;
  agent: string;
  state: "waiting" | "in_crm" | "refused";
  url: string | null;
}

export interface Hello {
  v: 4;
  ts: number;
  kind: "hello";
  agent: AgentCard;
  status: AgentStatus;
  seq: number;
  resumed: boolean;
  pops: readonly PopSnapshot[];
  leads: readonly LeadCard[];
  day: DayCounts;
  consults: readonly CallConsult[];
  recordings: readonly RecordingNow[];
}

export interface KeyShown {
  menu: string;
  digits: string;
  outcome: string;
  intent: string | null;
}

export interface LeadCard {
  lead_id: string;
  number: string;
  name: string;
  queue: string | null;
  dialled: string;
  url: string | null;
  created_at: number;
}

export interface LeadDone {
  kind: "lead.done";
  lead_id: string;
  confirmed?: boolean;
}

export interface LeadGone {
  v: 4;
  ts: number;
  kind: "lead.gone";
  lead_id: string;
}

export interface LeadNew {
  v: 4;
  ts: number;
  kind: "lead.new";
  lead: LeadCard;
}

export interface LeadShown {
  number: string;
  name: string | null;
}

export interface MatchShown {
  outcome: string;
  method: string;
  confidence: number;
  candidates: readonly CandidateShown[];
  selected: string | null;
}

export interface NextState {
  state: AgentState;
  reason: string | null;
}

export interface NoteSet {
  kind: "note";
  pop_id: string;
  text: string;
}

export interface Notice {
  v: 4;
  ts: number;
  kind: "notice";
  level: "info" | "warning" | "error";
  code: string;
  text: string;
}

export interface OfferBeforeShown {
  place: string | null;
  answer: string;
  days_ago: number;
}

export interface OfferCapShown {
  left: number;
  most: number;
  days: number;
}

export interface OfferHeardShown {
  place: string;
  answer: string;
}

export interface OfferSaid {
  kind: "offer.answer";
  pop_id: string;
  offer: string;
  answer: "accepted" | "rejected" | "not_raised";
  reason?: string;
}

export interface OfferSaidShown {
  answer: "accepted" | "rejected" | "not_raised";
  reason: string;
  agent: string;
}

export interface OfferShown {
  name: string;
  say: string | null;
  reasons: readonly string[];
  reasons_zh: readonly string[];
  heard: readonly OfferHeardShown[];
  before: readonly OfferBeforeShown[];
  cap: OfferCapShown | null;
  said: OfferSaidShown | null;
}

export interface OpenShown {
  url: string;
  mode: "auto" | "click";
}

export interface OrderShown {
  id: string;
  product_name: string;
  status: string;
  is_open: boolean;
  due_on: string | null;
  late_days: number;
}

export interface OwnSegmentShown {
  name: string;
  titles: readonly TitleShown[];
}

export interface PastCall {
  pop_id: string;
  ended: "open" | "answered" | "passed_on" | "missed" | "answered_elsewhere" | "caller_gone" | "cancelled" | "expired";
  offered_at: number;
  claimed_at: number | null;
  released_at: number | null;
  closed_at: number | null;
  talk_s: number;
  code: string | null;
  queue: string | null;
  number: string | null;
  withheld: boolean;
  network_name: string | null;
  name: string | null;
  company: string | null;
  outcome: string;
}

export interface PastCallPage {
  calls: readonly PastCall[];
  next: string | null;
  since: number | null;
}

export interface PastCallTold {
  call: PastCall;
  content: PopContent;
  note: string;
}

export interface PopClaim {
  v: 4;
  ts: number;
  seq: number;
  pop_id: string;
  kind: "pop.claim";
}

export interface PopClose {
  v: 4;
  ts: number;
  seq: number;
  pop_id: string;
  kind: "pop.close";
  reason: "answered_elsewhere" | "missed" | "cancelled" | "caller_gone" | "done" | "expired";
}

export interface PopContent {
  call: CallShown;
  note: string | null;
  offer: OfferShown | null;
  match: MatchShown;
  contact: ContactShown | null;
  segments: SegmentsShown | null;
  decision: DecisionShown | null;
  lead: LeadShown | null;
  degraded: readonly string[];
  churn: ChurnShown | null;
  open: OpenShown | null;
  follow_ups: readonly FollowUpShown[];
}

export interface PopOffer {
  v: 4;
  ts: number;
  seq: number;
  pop_id: string;
  kind: "pop.offer";
  content: PopContent;
}

export interface PopSnapshot {
  pop_id: string;
  seq: number;
  state: "offered" | "claimed" | "wrapup" | "closed";
  content: PopContent;
  offered_at: number;
  claimed_at: number | null;
  closed_at: number | null;
  close_reason: "answered_elsewhere" | "missed" | "cancelled" | "caller_gone" | "done" | "expired" | null;
  wrapup: WrapUp | null;
  note: string;
}

export interface PopUpdate {
  v: 4;
  ts: number;
  seq: number;
  pop_id: string;
  kind: "pop.update";
  content: PopContent;
}

export interface PopWrapUp {
  v: 4;
  ts: number;
  seq: number;
  pop_id: string;
  kind: "pop.wrapup";
  wrapup: WrapUp;
}

export interface Presence {
  v: 4;
  ts: number;
  kind: "presence";
  whole: boolean;
  agents: readonly Colleague[];
  queues: readonly string[];
}

export interface PresenceWatch {
  kind: "presence.watch";
}

export interface PurchaseShown {
  product_name: string;
  at: number;
  amount: string;
  currency: string;
  quantity: number;
}

export interface RecordingNow {
  v: 4;
  ts: number;
  kind: "call.recording";
  pop_id: string;
  state: "on" | "paused" | "off" | "unsure";
  since: number | null;
  mine: boolean;
}

export interface SegmentsShown {
  tier: string;
  lifecycle: string;
  spend_12m: number;
  days_since_last: number | null;
  reasons: readonly string[];
  behaviour: string | null;
  price_band: string | null;
  main_category: string | null;
  loyalty: string | null;
  churn_warning: string | null;
  own: readonly OwnSegmentShown[];
  reasons_zh: readonly string[];
  churn_warning_zh: string | null;
}

export interface Select {
  kind: "select";
  pop_id: string;
  candidate?: string | null;
}

export interface StateSet {
  kind: "state.set";
  state: AgentState;
  reason?: string | null;
  now?: boolean;
}

export interface TitleShown {
  language: string;
  text: string;
}

export interface WrapUp {
  codes: readonly string[];
  mode: "optional" | "mandatory" | "timed" | "timed_strict";
  mandatory: boolean;
  limit_s: number | null;
  ends_at: number | null;
  default_code: string | null;
  extend_s: number;
  extensions_left: number;
  chosen: string | null;
  talk_s: number;
  transferred: boolean;
}

export interface WrapUpExtend {
  kind: "wrapup.extend";
  pop_id: string;
}

export interface WrapUpSkip {
  kind: "wrapup.skip";
  pop_id: string;
}

export type ServerFrame =
  | Hello
  | PopOffer
  | PopUpdate
  | PopClaim
  | PopClose
  | PopWrapUp
  | LeadNew
  | LeadGone
  | AgentStateChanged
  | AgentDay
  | CallConsult
  | RecordingNow
  | Presence
  | Notice;

export type ClientFrame =
  | Ack
  | StateSet
  | Disposition
  | WrapUpExtend
  | WrapUpSkip
  | NoteSet
  | Select
  | OfferSaid
  | CallbackCreate
  | CallbackCancel
  | CallTransfer
  | CallTransferComplete
  | CallTransferCancel
  | CallConference
  | PresenceWatch
  | LeadDone;
