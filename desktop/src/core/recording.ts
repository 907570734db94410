/** What to tell an agent who pauses the recording of a call, or has it go on. */

/** The part of the answer that is read; see PUT /api/v1/agent/calls/POP_ID/recording. */
export interface RecordingAnswer {
  readonly state?: string;
  readonly ended?: boolean;
  readonly error?: string;
}

const KNOWN: Readonly<Record<string, string>> = {
  no_call: "pause_no_call",
  pause_of_another: "pause_of_another",
};

/** The code of a notice, or null: it was done, and the card shows it. `answer` is null where none
 * came. Whatever is not understood was not done. */
export function noticeOf(paused: boolean, ok: boolean, answer: RecordingAnswer | null): string | null {
  const failed = paused ? "pause_failed" : "resume_failed";
  if (!ok || !answer) return KNOWN[answer?.error ?? ""] ?? failed;
  if (answer.ended) return "recording_ended";
  if (paused) return answer.state === "paused" || answer.state === "off" ? null : failed;
  return answer.state === "paused" ? "recording_waits" : null;
}
