import { useState, type FormEvent } from "react";
import type { Desk } from "../core/desk";
import { clock } from "../core/format";
import type { Pop } from "../core/store";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  pop: Pop;
  note: string;
  onNote: (note: string) => void;
}

export function WrapUpPanel({ desk, pop, note, onNote }: Props) {
  const words = useWords();
  const [code, setCode] = useState<string | null>(null);
  const wrapup = pop.wrapup;
  if (!wrapup) return null;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (code) desk.finish(pop.id, code, note);
  }

  return (
    <form className="panel wrapup" onSubmit={submit}>
      <div className="wrapup-top">
        <h3>{words("how_ended")}</h3>
        <span className="faint">
          {words("talked")} {clock(wrapup.talk_s * 1000)}
          {wrapup.transferred && ` · ${words("was_transferred")}`}
        </span>
      </div>
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
          rows={2}
          maxLength={2000}
          value={note}
          onChange={(event) => onNote(event.target.value)}
        />
      </label>
      <div className="wrapup-end">
        <span className="faint">{code ? "" : words("choose_code")}</span>
        <button className="primary" type="submit" disabled={!code}>
          {words("finish")}
        </button>
      </div>
    </form>
  );
}
