// Generated from supervisor/console/board.py; do not edit. Made anew by:
// python -m supervisor.console.generate_types

export interface CallRow {
  id: string;
  arrived_at: number;
  stage: "menu" | "queue" | "ringing" | "talking" | "outside" | "placed";
  since: number;
  number: string | null;
  name: string | null;
  tier: string | null;
  dialled: string;
  direction: string;
  menu: string | null;
  chosen: string | null;
  queue: string | null;
  position: number | null;
  agents: readonly string[];
  fallback: boolean;
  recording_paused_at: number | null;
}

export interface EndedRow {
  id: string;
  ended_at: number;
  number: string | null;
  name: string | null;
  queue: string | null;
  outcome: string;
  lasted_s: number;
}

export interface QueueRow {
  name: string;
  waiting: number;
  longest_since: number | null;
  talking: number;
  ready: number;
  paused: number;
  busy: number;
  unreachable: number;
  offered: number;
  answered: number;
  in_time: number;
}

export interface AgentRow {
  login: string;
  name: string;
  state: string;
  reason: string | null;
  since: number | null;
  doing: "idle" | "ringing" | "on_call" | "hold" | "wrapup" | "missed";
  doing_since: number | null;
  call: string | null;
  queues: readonly string[];
  desktops: number;
  reachable: boolean | null;
}

export interface LostPop {
  call: string;
  agent: string;
  at: number;
  why: string;
}

export interface PopLevel {
  offered: number;
  rendered: number;
  p50_ms: number | null;
  p95_ms: number | null;
  undelivered: number;
  lost: readonly LostPop[];
}

export interface PartRow {
  name: string;
  ok: boolean;
  needed: boolean;
  detail: string;
}

export interface Board {
  ts: number;
  calls_total: number;
  in_menu: number;
  calls: readonly CallRow[];
  ended: readonly EndedRow[];
  queues: readonly QueueRow[];
  agents: readonly AgentRow[];
  pops: PopLevel | null;
  figures_at: number | null;
  service_level_s: number;
  parts: readonly PartRow[];
  rulebook: string;
  folder_good: boolean;
}
