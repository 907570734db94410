/** The supervisor's plain addresses, and what they answer (supervisor/console/routes.py). */

import type { Me } from "./supervisor";

export interface Problem {
  readonly file: string;
  /** 0: the file as a whole. */
  readonly line: number;
  readonly sentence: string;
  readonly severity: "error" | "warning";
}

export interface Checked {
  readonly version: string;
  readonly good: boolean;
  readonly problems: readonly Problem[];
}

export interface VersionLine {
  readonly version: string;
  readonly at: number;
  readonly author: string;
  readonly comment: string;
  readonly action: string;
  readonly current: boolean;
  readonly kept: boolean;
}

export interface RulebookState {
  readonly current: string;
  readonly folder: string | null;
  readonly watched: boolean;
  readonly folder_good: boolean;
  readonly folder_problems: readonly Problem[];
  readonly versions: readonly VersionLine[];
}

export interface Figure {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

export type ModelRow =
  | { readonly kind: string; readonly version: string; readonly damaged: true }
  | {
      readonly kind: string;
      readonly version: string;
      readonly damaged: false;
      readonly current: boolean;
      readonly trained_at: number;
      readonly rows: number;
      readonly promoted: boolean;
      readonly because: readonly string[];
      readonly metrics: Readonly<Record<string, Figure>>;
    };

export interface Option {
  readonly digit: string;
  readonly intent: string;
  readonly say: string;
  readonly reasons: readonly string[];
  readonly probability: number | null;
}

export interface Decision {
  readonly route: {
    readonly kind: string;
    readonly target: string | null;
    readonly priority: number;
    readonly rule: string | null;
  };
  readonly menu: string | null;
  readonly language: string;
  readonly greeting: string | null;
  readonly options: readonly Option[];
  readonly hold_programme: string | null;
  readonly offers: readonly {
    readonly offer: string;
    readonly chosen: boolean;
    readonly reasons: readonly string[];
  }[];
  readonly rules: readonly {
    readonly name: string;
    readonly group: string;
    readonly matched: boolean;
    readonly because: string;
  }[];
}

interface Changed {
  readonly changes?: readonly string[];
}

/** As `switchboard explain --call ID --json` prints it. */
export interface Explained {
  readonly identity: {
    readonly outcome: string;
    readonly method: string;
    readonly confidence: number | null;
  };
  readonly caller: {
    readonly number: string | null;
    readonly name: string | null;
    readonly company: string | null;
    readonly tier: string | null;
  };
  readonly rulebook_version: string | null;
  readonly dialled: string;
  readonly decision: Decision | null;
  readonly call: {
    readonly id: string;
    readonly arrived_at: string;
    readonly ended_at: string | null;
    readonly outcome: string | null;
    readonly fallback: boolean;
    readonly queue: string | null;
    readonly keys: readonly {
      readonly menu: string;
      readonly digits: string;
      readonly outcome: string;
      readonly intent: string | null;
    }[];
    readonly legs: readonly {
      readonly agent: string;
      readonly via: string;
      readonly answered_at: string | null;
      readonly ended_at: string | null;
    }[];
    readonly lead: string | null;
    readonly record: string | null;
    readonly earlier_decisions: readonly Changed[];
    readonly later_decisions: readonly Changed[];
  };
}

/** One frame on its way to a desktop; of kind not_shown: why there was none. */
export interface PopStep {
  readonly agent: string;
  readonly interface: string;
  /** The phone behind it, where the agent is known by that alone. */
  readonly known_by: string | null;
  readonly kind: string;
  readonly event_at: number;
  readonly sockets: number;
  readonly acked_at: number | null;
  readonly rendered_ms: number | null;
}

/** Where a pop stopped; both sentences in English and Chinese. */
export interface PopStop {
  readonly code: string;
  readonly agent: string | null;
  readonly at: number | null;
  readonly happened: readonly [string, string];
  readonly do: readonly [string, string];
}

export interface CallTold {
  readonly explained: Explained;
  readonly pops: readonly PopStep[];
  readonly stops: readonly PopStop[];
}

export interface Outbox {
  readonly owed: readonly {
    readonly lane: string;
    readonly operation: string;
    readonly count: number;
    readonly oldest_at: number;
  }[];
  readonly dead: readonly DeadEntry[];
}

/** Given up; `do` in English and Chinese. */
export interface DeadEntry {
  readonly key: string;
  readonly lane: string;
  readonly operation: string;
  readonly attempts: number;
  readonly at: number;
  readonly error: string;
  readonly do: readonly [string, string];
}

/** The server refused; `code` is of screenpop.desk.answers. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const BASE = "/api/v1/supervisor";

export async function me(): Promise<Me | null> {
  const response = await fetch("/api/v1/me");
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as Me;
}

export function callTold(id: string): Promise<CallTold> {
  return asked(`/call?id=${encodeURIComponent(id)}`);
}

export function rulebook(): Promise<RulebookState> {
  return asked("/rulebook");
}

export async function models(): Promise<readonly ModelRow[]> {
  return (await asked<{ models: readonly ModelRow[] }>("/models")).models;
}

export function cardAddress(row: ModelRow): string {
  return `${BASE}/models/${encodeURIComponent(row.kind)}/${encodeURIComponent(row.version)}`;
}

export function check(): Promise<Checked> {
  return asked("/rulebook/check", { method: "POST" });
}

export function publish(version: string, comment: string): Promise<Checked> {
  return asked("/rulebook/publish", sent({ version, comment }));
}

export function rollBack(version: string, comment: string): Promise<Checked> {
  return asked("/rulebook/rollback", sent({ version, comment }));
}

export function outbox(): Promise<Outbox> {
  return asked("/outbox");
}

export function retry(key: string): Promise<unknown> {
  return asked("/outbox/retry", sent({ key }));
}

function sent(body: unknown): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

async function asked<T>(path: string, how: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(BASE + path, how);
  } catch {
    throw new Refused("unreachable", "the server cannot be reached");
  }
  // 422: the checker's problems are the answer.
  if (response.ok || response.status === 422) return (await response.json()) as T;
  const body = (await response.json().catch(() => ({}))) as { error?: string; message?: string };
  throw new Refused(body.error ?? "refused", body.message ?? `answered ${response.status}`);
}
