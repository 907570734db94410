import { useEffect } from "react";
import type { Caller, SeenByCaller } from "../../core/caller/caller";
import { LANGUAGES } from "../../core/i18n";
import { useWords } from "../words";

interface Props {
  caller: Caller;
  seen: SeenByCaller;
}

export function Dialler({ caller, seen }: Props) {
  const words = useWords();
  const idle = seen.phase === "idle";
  return (
    <section className="cp-card" aria-label={words("cp_title")}>
      <Cast caller={caller} seen={seen} />
      <fieldset disabled={!idle} className="cp-lines">
        <legend>{words("cp_line")}</legend>
        {LANGUAGES.map(({ code }) => (
          <label key={code}>
            <input
              type="radio"
              name="line"
              checked={seen.line === code}
              onChange={() => caller.chooseLine(code)}
            />
            {words(`cp_line_${code}`)}
          </label>
        ))}
      </fieldset>
      <p className="cp-phase" role="status" data-testid="phase">
        {words(`cp_${seen.phase}`)}
      </p>
      {/* One and the same, so that the keyboard stays on it. */}
      <button
        type="button"
        className={idle ? "primary cp-call" : "cp-hang-up"}
        disabled={!seen.cast}
        onClick={(event) => {
          // The second half of a double click was not meant to undo the first.
          if (event.detail > 1) return;
          if (idle) void caller.dial();
          else caller.hangUp();
        }}
      >
        {words(idle ? "cp_call" : "cp_hang_up")}
      </button>
      <Keypad caller={caller} seen={seen} />
      <p className="cp-microphone" role="status" data-testid="microphone">
        {seen.microphone !== null &&
          words(seen.microphone ? "cp_microphone_works" : "cp_microphone_none")}
      </p>
    </section>
  );
}

function Cast({ caller, seen }: Props) {
  const words = useWords();
  return (
    <fieldset disabled={seen.phase !== "idle"} className="cp-cast">
      <legend>{words("cp_who")}</legend>
      {(seen.cast?.callers ?? []).map(({ key, number }) => (
        <label key={key} className="cp-persona">
          <input
            type="radio"
            name="who"
            checked={seen.who === key}
            onChange={() => caller.choose(key)}
          />
          <span>
            <strong>{words(`cp_${key}`)}</strong>
            <span className="cp-about">{words(`cp_${key}_text`)}</span>
            {number && <span className="cp-about clock">{number}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

function Keypad({ caller, seen }: Props) {
  const words = useWords();
  const talking = seen.phase === "talking";
  useEffect(() => {
    if (!talking) return undefined;
    const press = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (/^[0-9*#]$/.test(event.key)) caller.press(event.key);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [talking, caller]);
  return (
    <div className="cp-keypad" role="group" aria-label={words("cp_keypad")}>
      <output aria-label={words("cp_keys")}>{seen.keys}</output>
      {KEYS.map((digit) => (
        <button
          key={digit}
          type="button"
          disabled={!talking}
          aria-label={words("cp_key", { digit })}
          onClick={() => caller.press(digit)}
        >
          {digit}
        </button>
      ))}
      <p className="faint">{words("cp_keyboard")}</p>
    </div>
  );
}
