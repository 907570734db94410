/** The plain addresses: log out, who am I, a ticket for the websocket. */

import type { PhoneLogIn } from "./phone/phone";
import { noticeOf, type RecordingAnswer } from "./recording";
import { SignedOut } from "./socket";

/** The server answers sooner, whatever the telephone system does. */
const RECORDING_MS = 8000;

/** Also where the page is closed at once. */
export async function logOut(): Promise<void> {
  await fetch("/api/v1/session", { method: "DELETE", keepalive: true });
}

/** False: nobody is logged in here. Rejects where the server cannot be reached. */
export async function isLoggedIn(): Promise<boolean> {
  const response = await fetch("/api/v1/me");
  if (response.ok) return true;
  if (response.status === 401) return false;
  throw new Error(`the server answered ${response.status}`);
}

export async function ticket(): Promise<string> {
  const response = await fetch("/api/v1/agent/ticket", { method: "POST" });
  if (response.status === 401) throw new SignedOut();
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const body = (await response.json()) as { ticket: string };
  return body.ticket;
}

/** What this agent's softphone logs in with; null: the agent has a desk phone. */
export async function phoneLogIn(): Promise<PhoneLogIn | null> {
  const response = await fetch("/api/v1/agent/phone");
  if (response.status === 404) return null;
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as PhoneLogIn;
}

/** The code of a notice for the agent; null: it was done. */
export async function setRecording(popId: string, paused: boolean): Promise<string | null> {
  try {
    const response = await fetch(`/api/v1/agent/calls/${encodeURIComponent(popId)}/recording`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ paused }),
      signal: AbortSignal.timeout(RECORDING_MS),
    });
    return noticeOf(paused, response.ok, (await response.json()) as RecordingAnswer);
  } catch {
    return noticeOf(paused, false, null);
  }
}

export function socketAddress(ticketText: string, lastSeq: number | null): string {
  const asked = lastSeq === null ? {} : { last_seq: String(lastSeq) };
  return webSocketAddress("/agent/ws", { ticket: ticketText, ...asked });
}

export function webSocketAddress(path: string, asked: Record<string, string>): string {
  const address = new URL(path, window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  return address.href;
}
