import { useRef } from "react";
import type { Desk } from "../core/desk";
import type { RecordingNow } from "../core/protocol.gen";
import { useDoings, useKeysOf } from "./keys";
import { Since } from "./time";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  recording: RecordingNow;
  /** The server hears now what is pressed. */
  online: boolean;
  skewMs: number;
}

/** Whether the call is recorded, and the way to pause that while a card number is said. */
export function RecordingBar({ desk, recording, online, skewMs }: Props) {
  const words = useWords();
  const keysOf = useKeysOf();
  const busy = useRef(false);
  const paused = recording.state === "paused";
  const another = paused && !recording.mine;
  const may = online && recording.state !== "off" && !another;

  async function press() {
    if (busy.current) return;
    busy.current = true;
    try {
      await desk.pauseRecording(recording.pop_id, !paused);
    } finally {
      busy.current = false;
    }
  }

  useDoings({
    recording: () => {
      if (may) void press();
      return may;
    },
  });
  return (
    <section
      className={`recording recording-${recording.state}`}
      aria-label={words("recording")}
      data-testid="recording"
    >
      <span className="dot" aria-hidden="true" />
      <p role="status">{words.code("recording_now", recording.state)}</p>
      {/* Beside what is told: screen readers do not read every second. */}
      {recording.since !== null && <Since at={recording.since} skewMs={skewMs} />}
      {another && <p className="recording-hint">{words("recording_of_another")}</p>}
      {!paused && recording.state !== "off" && (
        <p className="recording-hint">{words("recording_hint")}</p>
      )}
      {recording.state !== "off" && (
        <button
          type="button"
          className={paused ? "primary" : undefined}
          disabled={!may}
          onClick={() => void press()}
          {...keysOf("recording")}
        >
          {words(paused ? "recording_resume" : "recording_pause")}
        </button>
      )}
    </section>
  );
}
