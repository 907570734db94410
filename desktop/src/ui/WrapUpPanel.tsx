import { useRef, useState, type FormEvent } from "react";
import type { Desk } from "../core/desk";
import { clock } from "../core/format";
import type { WrapUp } from "../core/protocol.gen";
import type { Pop } from "../core/store";
import { useDoings, useKeysOf } from "./keys";
import { useKeptNote, useNoteKeys } from "./NoteField";
import { Until } from "./time";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  pop: Pop;
  note: string;
  onNote: (note: string) => void;
  skewMs: number;
}

export function WrapUpPanel({ desk, pop, note, onNote, skewMs }: Props) {
  const words = useWords();
  const [code, setCode] = useState<string | null>(pop.wrapup?.chosen ?? null);
  const kept = useKeptNote(desk, pop.id, note, onNote);
  const field = useNoteKeys();
  const form = useRef<HTMLFormElement>(null);
  const keysOf = useKeysOf();
  useDoings({ finish: () => finished(form.current) });
  const wrapup = pop.wrapup;
  if (!wrapup) return null;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!code) return;
    kept.sent();
    desk.finish(pop.id, code, note);
  }

  return (
    <form ref={form} className="panel wrapup" onSubmit={submit}>
      <div className="wrapup-top">
        <h3>{words("how_ended")}</h3>
        <span className="faint">
          {words("talked")} {clock(wrapup.talk_s * 1000)}
          {wrapup.transferred && ` · ${words("was_transferred")}`}
        </span>
      </div>
      {wrapup.mode !== "optional" && <TimeLeft desk={desk} pop={pop} wrapup={wrapup} skewMs={skewMs} />}
      <fieldset className="codes">
        <legend className="unseen">{words("how_ended")}</legend>
        {wrapup.codes.map((one) => (
          <label key={one} className="code">
            <input
              type="radio"
              name={`code-${pop.id}`}
              value={one}
              checked={code === one}
              onChange={() => setCode(one)}
            />
            {words.code("code", one)}
          </label>
        ))}
      </fieldset>
      <label>
        <span className="label">{words("note")}</span>
        <textarea
          ref={field}
          {...keysOf("note")}
          rows={2}
          maxLength={2000}
          value={note}
          onChange={(event) => kept.typed(event.target.value)}
        />
      </label>
      <div className="wrapup-end">
        <span className="faint" role="status">
          {endHint(wrapup, code, words)}
        </span>
        {wrapup.mode === "optional" && (
          <button type="button" onClick={() => desk.skipWrapUp(pop.id)}>
            {words("skip")}
          </button>
        )}
        <button
          className="primary"
          type="submit"
          {...keysOf("finish")}
          disabled={!code || (wrapup.mode === "timed_strict" && code === wrapup.chosen)}
        >
          {words(wrapup.mode === "timed_strict" ? "keep_code" : "finish")}
        </button>
      </div>
    </form>
  );
}

/** Where no code is chosen yet, or no other, that is asked for. */
function finished(form: HTMLFormElement | null): boolean {
  const button = form?.querySelector<HTMLButtonElement>("button[type=submit]");
  if (!form || !button) return false;
  if (button.disabled) form.querySelector<HTMLInputElement>("input[type=radio]")?.focus();
  else form.requestSubmit(button);
  return true;
}

function endHint(wrapup: WrapUp, code: string | null, words: ReturnType<typeof useWords>): string {
  if (wrapup.chosen && code === wrapup.chosen) {
    return words("code_kept", { code: words.code("code", wrapup.chosen) });
  }
  return code ? "" : words("choose_code");
}

/** Until when no call comes, and what happens then; the clock is no live region. */
function TimeLeft(props: { desk: Desk; pop: Pop; wrapup: WrapUp; skewMs: number }) {
  const { desk, pop, wrapup, skewMs } = props;
  const words = useWords();
  const code = wrapup.chosen ?? wrapup.default_code;
  return (
    <div className="wrapup-time" data-testid="wrapup-time">
      <span>{words("no_calls_meanwhile")}</span>
      {wrapup.ends_at !== null && (
        <>
          <Until at={wrapup.ends_at} skewMs={skewMs} />
          {code && <span>{words("ends_with", { code: words.code("code", code) })}</span>}
        </>
      )}
      {wrapup.extensions_left > 0 && (
        <button type="button" onClick={() => desk.extendWrapUp(pop.id)}>
          {words("extend", { time: clock(wrapup.extend_s * 1000) })}
        </button>
      )}
    </div>
  );
}
