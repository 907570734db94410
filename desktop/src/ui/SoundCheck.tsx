import { useEffect, useState } from "react";
import type { CallNotices } from "../core/phone/call_notice";
import { Meter } from "../core/phone/microphone";
import type { Ringer } from "../core/phone/ringer";
import { useWords } from "./words";

/** Whether the agent is heard, hears the ring, and is told of calls outside the page. */
export function SoundCheck({ ringer, notices }: { ringer: Ringer; notices: CallNotices }) {
  const words = useWords();
  const [level, setLevel] = useState(0);
  const [consent, setConsent] = useState(notices.consent);
  useEffect(() => {
    const meter = new Meter();
    meter.open(navigator.mediaDevices, setLevel).catch(() => setLevel(0));
    return () => meter.close();
  }, []);
  const percent = Math.round(level * 100);
  return (
    <div className="sound-check">
      <p className="faint">{words("sound_speak")}</p>
      <meter
        className="level"
        aria-label={words("sound_level")}
        min={0}
        max={100}
        value={percent}
      />
      <button type="button" onClick={() => void ringer.test()}>
        {words("sound_ring")}
      </button>
      {consent === "default" && (
        <button type="button" onClick={() => void notices.ask().then(setConsent)}>
          {words("sound_notify")}
        </button>
      )}
      {consent === "granted" && <p className="faint">{words("sound_notify_granted")}</p>}
      {consent === "denied" && <p className="faint">{words("sound_notify_denied")}</p>}
    </div>
  );
}
