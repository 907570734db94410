/** The addresses of the demo's page for callers (switchboard/demo/call_page.py). */

export type CallerKey = "maria" | "vip" | "stranger" | "withheld";

export interface CallerAccount {
  readonly key: CallerKey;
  readonly user: string;
  readonly secret: string;
  /** Null where it is withheld. */
  readonly number: string | null;
}

export interface Cast {
  readonly callers: readonly CallerAccount[];
  readonly domain: string;
  readonly socket: string;
  readonly dialled: Readonly<Record<"en" | "zh", string>>;
  /** Whose desktop is opened. */
  readonly agent: string;
}

/** Of a row of the supervisor's board. */
export interface CallTold {
  readonly stage: "menu" | "queue" | "ringing" | "talking" | "outside" | "placed";
  readonly name: string | null;
  readonly tier: string | null;
  readonly menu: string | null;
  readonly chosen: string | null;
  readonly queue: string | null;
  readonly agents: readonly string[];
}

export function cast(): Promise<Cast> {
  return asked<Cast>("/demo/callers");
}

/** Null: the server knows of no such call. */
export async function callOf(user: string): Promise<CallTold | null> {
  return (await asked<{ call: CallTold | null }>(`/demo/calls/${user}`)).call;
}

export async function ticketFor(user: string): Promise<string> {
  const body = JSON.stringify({ user });
  return (await asked<{ ticket: string }>("/demo/ticket", { method: "POST", body })).ticket;
}

export async function deskAddress(): Promise<string> {
  return (await asked<{ address: string }>("/demo/desk", { method: "POST" })).address;
}

async function asked<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`the demo answered ${response.status}`);
  return (await response.json()) as T;
}
