/** The addresses of an agent's own calls. */

import type { PastCallPage, PastCallTold } from "../protocol.gen";

const CALLS = "/api/v1/agent/calls";

export interface Asked {
  /** Empty: all of them. */
  readonly q: string;
  /** The `next` of the page before; null for the first. */
  readonly before: string | null;
}

/** There is no such call of this agent's. */
export class Gone extends Error {}

export async function listCalls({ q, before }: Asked): Promise<PastCallPage> {
  const asked = new URLSearchParams({ q, ...(before === null ? {} : { before }) });
  return (await answerOf(`${CALLS}?${asked}`)) as PastCallPage;
}

export async function readCall(popId: string): Promise<PastCallTold> {
  return (await answerOf(`${CALLS}/${encodeURIComponent(popId)}`)) as PastCallTold;
}

async function answerOf(address: string): Promise<unknown> {
  const response = await fetch(address);
  if (response.status === 404) throw new Gone();
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}
