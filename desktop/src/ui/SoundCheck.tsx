import { useEffect, useState, useSyncExternalStore } from "react";
import type { CallNotices } from "../core/phone/call_notice";
import { Meter } from "../core/phone/microphone";
import type { PagePhone } from "../core/phone/page_phone";
import { LOWEST_VOLUME, PARTS, type Device, type Part, type Sound } from "../core/phone/sound";
import { useWords } from "./words";

/** Whether the agent is heard, hears the ring, and is told of calls outside the page; and by which
 * devices. */
export function SoundCheck({ page, notices }: { page: PagePhone; notices: CallNotices }) {
  const words = useWords();
  const { ringer, sound } = page;
  const [consent, setConsent] = useState(notices.consent);
  return (
    <div className="sound-check">
      <DeviceChoice sound={sound} part="microphone" label={words("sound_microphone")} />
      <Level sound={sound} />
      <DeviceChoice sound={sound} part="speaker" label={words("sound_speaker")} />
      <DeviceChoice sound={sound} part="ring" label={words("sound_ring_device")} />
      <Volume sound={sound} />
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

/** A chosen device that is not there is stood in for, and that is told. */
export function GoneDevices({ sound }: { sound: Sound }) {
  const words = useWords();
  const { gone, chosen } = useSyncExternalStore(sound.subscribe, sound.snapshot);
  return (
    <div className="phone-troubles" role="status" data-testid="gone-devices">
      {PARTS.filter((part) => gone[part]).map((part) => (
        <p key={part} className="phone-words">
          {words(`sound_gone_${part}`, { device: chosen[part]?.label || words("sound_chosen_device") })}
        </p>
      ))}
    </div>
  );
}

function DeviceChoice(props: { sound: Sound; part: Part; label: string }) {
  const { sound, part, label } = props;
  const words = useWords();
  const view = useSyncExternalStore(sound.subscribe, sound.snapshot);
  const devices = view.devices[part];
  const chosen = view.chosen[part];
  if (devices === null) return null;
  const nameOf = (device: Device, at: number) =>
    device.label || words("sound_unnamed", { number: at + 1 });
  return (
    <label>
      <span className="label">{label}</span>
      <select
        value={chosen?.id ?? ""}
        onChange={(event) => sound.choose(part, event.target.value || null)}
      >
        <option value="">{words("sound_default")}</option>
        {view.gone[part] && chosen && (
          <option value={chosen.id}>
            {words("sound_missing", { device: chosen.label || words("sound_chosen_device") })}
          </option>
        )}
        {devices.map((device, at) => (
          <option key={device.id} value={device.id}>
            {nameOf(device, at)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Level({ sound }: { sound: Sound }) {
  const words = useWords();
  const [level, setLevel] = useState(0);
  const view = useSyncExternalStore(sound.subscribe, sound.snapshot);
  const microphone = view.gone.microphone ? "" : view.chosen.microphone?.id;
  useEffect(() => {
    const meter = new Meter();
    meter.open(navigator.mediaDevices, sound.voice, setLevel).catch(() => setLevel(0));
    return () => meter.close();
  }, [sound, microphone]);
  return (
    <>
      <p className="faint">{words("sound_speak")}</p>
      <meter
        className="level"
        aria-label={words("sound_level")}
        min={0}
        max={100}
        value={Math.round(level * 100)}
      />
    </>
  );
}

function Volume({ sound }: { sound: Sound }) {
  const words = useWords();
  const { volume } = useSyncExternalStore(sound.subscribe, sound.snapshot);
  return (
    <label>
      <span className="label">{words("sound_volume")}</span>
      <input
        type="range"
        min={LOWEST_VOLUME * 100}
        max={100}
        step={5}
        value={Math.round(volume * 100)}
        onChange={(event) => sound.setVolume(Number(event.target.value) / 100)}
      />
    </label>
  );
}
