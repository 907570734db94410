/** What follows the password, where more is wanted: a code, a second factor to set up, and the
 * recovery codes that come with one. */

import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";
import { squares, type Offer } from "../core/log_in";
import { useWords } from "./words";

interface CodeProps {
  busy: boolean;
  /** Changes as another try is wanted: the field is empty and ready then. */
  tries: number;
  error: string;
  /** An offered second factor takes no recovery code. */
  recovery: boolean;
  onCode: (code: string) => void;
  onBack: () => void;
}

export function CodeForm({ busy, tries, error, recovery, onCode, onBack }: CodeProps) {
  const words = useWords();
  const [code, setCode] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const [hintId, errorId] = [useId(), useId()];
  useEffect(() => {
    setCode("");
    field.current?.focus();
  }, [tries]);
  function submit(event: FormEvent) {
    event.preventDefault();
    onCode(code);
  }
  return (
    <form className="door-part" onSubmit={submit}>
      <label>
        {words("code_label")}
        <input
          ref={field}
          name="code"
          autoComplete="one-time-code"
          inputMode={recovery ? "text" : "numeric"}
          autoCapitalize="none"
          spellCheck={false}
          required
          maxLength={40}
          value={code}
          aria-describedby={`${recovery ? `${hintId} ` : ""}${errorId}`}
          onChange={(event) => setCode(event.target.value)}
        />
      </label>
      {recovery && (
        <p className="door-hint" id={hintId}>
          {words("code_hint")}
        </p>
      )}
      <p className="door-error" role="alert" id={errorId}>
        {error}
      </p>
      <button className="primary" type="submit" disabled={busy}>
        {busy ? words("logging_in") : words("log_in")}
      </button>
      <button className="quiet" type="button" onClick={onBack}>
        {words("back")}
      </button>
    </form>
  );
}

export function Enrolment({ offer, children }: { offer: Offer; children: ReactNode }) {
  const words = useWords();
  const size = offer.qr.length + 8;
  return (
    <>
      <h2>{words("enrol_title")}</h2>
      <p className="door-text">{words("enrol_text")}</p>
      <svg
        className="door-qr"
        role="img"
        aria-label={words("enrol_picture")}
        viewBox={`0 0 ${size} ${size}`}
        shapeRendering="crispEdges"
      >
        <path d={squares(offer.qr)} fill="currentColor" />
      </svg>
      <p className="door-hint">
        {words("enrol_by_hand")} <code>{offer.secret.replace(/(.{4})(?=.)/g, "$1 ")}</code>
      </p>
      {children}
    </>
  );
}

export function RecoveryCodes({ codes, onKept }: { codes: readonly string[]; onKept: () => void }) {
  const words = useWords();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <>
      <h2 ref={heading} tabIndex={-1}>
        {words("recovery_title")}
      </h2>
      <p className="door-text">{words("recovery_text")}</p>
      <ul className="door-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <button className="primary" type="button" onClick={onKept}>
        {words("recovery_kept")}
      </button>
    </>
  );
}
