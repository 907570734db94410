import { useEffect, useState, type FormEvent } from "react";
import type { Language } from "../core/i18n";
import { logIn, wayOver, ways, type Asked, type Failure, type Offer, type Ways } from "../core/log_in";
import { LanguageSwitch } from "./LanguageSwitch";
import { CodeForm, Enrolment, RecoveryCodes } from "./SecondFactor";
import { useWords } from "./words";

interface Props {
  /** Somebody is logged in now. */
  onEntered: () => void;
  language: Language;
  onLanguage: (language: Language) => void;
}

type Step =
  | { readonly kind: "password" }
  | { readonly kind: "code" }
  | { readonly kind: "enrol"; readonly offer: Offer }
  | { readonly kind: "keep"; readonly codes: readonly string[] };

const FIRST: Step = { kind: "password" };

export function LogIn({ onEntered, language, onLanguage }: Props) {
  const words = useWords();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [step, setStep] = useState<Step>(FIRST);
  const [busy, setBusy] = useState(false);
  const [tries, setTries] = useState(0);
  const [failed, setFailed] = useState<Failure | "enrol_anew" | null>(null);

  const [over, setOver] = useState<Ways | null>(null);
  useEffect(() => void ways().then(setOver), []);

  async function ask(more: Pick<Asked, "code" | "enrolment">) {
    setBusy(true);
    setFailed(null);
    const answer = await logIn({ login, password, ...more });
    setBusy(false);
    setTries((before) => before + 1);
    switch (answer.kind) {
      case "in":
        if (answer.recoveryCodes.length === 0) onEntered();
        else setStep({ kind: "keep", codes: answer.recoveryCodes });
        return;
      case "code_wanted":
        setStep({ kind: "code" });
        return;
      case "enrolment_wanted":
        if (more.enrolment) setFailed("enrol_anew");
        setStep({ kind: "enrol", offer: answer.offer });
        return;
      case "failed":
        setFailed(answer.failure);
        if (answer.failure === "wrong") setStep(FIRST);
    }
  }

  function back() {
    setStep(FIRST);
    setFailed(null);
    setPassword("");
  }

  const overFailed = over?.failed && words(`over_${over.failed.code}`, { who: over.failed.who });
  const said = failed ? words(failed) : tries === 0 && overFailed ? overFailed : "";
  const code = (enrolment?: string) => (
    <CodeForm
      busy={busy}
      tries={tries}
      error={said}
      recovery={enrolment === undefined}
      onCode={(typed) => void ask(enrolment === undefined ? { code: typed } : { code: typed, enrolment })}
      onBack={back}
    />
  );
  return (
    <main className="door">
      <div className="door-card">
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>{words("app")}</h1>
        {step.kind === "password" && (
          <>
            <p className="door-line">{words("welcome")}</p>
            <PasswordForm
              {...{ login, setLogin, password, setPassword, busy }}
              error={said}
              onSubmit={() => void ask({})}
            />
            {over?.oidc && (
              <a className="door-over" href={wayOver(window.location.pathname)}>
                {words("log_in_over", { name: over.oidc })}
              </a>
            )}
          </>
        )}
        {step.kind === "code" && code()}
        {step.kind === "enrol" && (
          <Enrolment offer={step.offer}>{code(step.offer.enrolment)}</Enrolment>
        )}
        {step.kind === "keep" && <RecoveryCodes codes={step.codes} onKept={onEntered} />}
        <LanguageSwitch language={language} onLanguage={onLanguage} />
      </div>
    </main>
  );
}

interface PasswordProps {
  login: string;
  setLogin: (login: string) => void;
  password: string;
  setPassword: (password: string) => void;
  busy: boolean;
  error: string;
  onSubmit: () => void;
}

function PasswordForm(props: PasswordProps) {
  const words = useWords();
  function submit(event: FormEvent) {
    event.preventDefault();
    props.onSubmit();
  }
  return (
    <form className="door-part" onSubmit={submit}>
      <label>
        {words("login")}
        <input
          name="login"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          maxLength={40}
          value={props.login}
          onChange={(event) => props.setLogin(event.target.value)}
        />
      </label>
      <label>
        {words("password")}
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          maxLength={256}
          value={props.password}
          onChange={(event) => props.setPassword(event.target.value)}
        />
      </label>
      <p className="door-error" role="alert">
        {props.error}
      </p>
      <button className="primary" type="submit" disabled={props.busy}>
        {props.busy ? words("logging_in") : words("log_in")}
      </button>
    </form>
  );
}
