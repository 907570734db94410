import { useState, type FormEvent } from "react";
import type { Desk } from "../core/desk";
import type { Language } from "../core/i18n";
import { LanguageSwitch } from "./LanguageSwitch";
import { useWords } from "./words";

interface Props {
  desk: Pick<Desk, "logIn">;
  language: Language;
  onLanguage: (language: Language) => void;
}

export function LogIn({ desk, language, onLanguage }: Props) {
  const words = useWords();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<"wrong" | "too_many" | "unavailable" | null>(null);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailed(null);
    const outcome = await desk.logIn(login, password);
    if (outcome !== "ok") {
      setFailed(outcome);
      setBusy(false);
    }
  }

  return (
    <main className="door">
      <form className="door-card" onSubmit={(event) => void submit(event)}>
        <img src="/icon.svg" alt="" width="44" height="44" />
        <h1>{words("app")}</h1>
        <p className="door-line">{words("welcome")}</p>
        <label>
          {words("login")}
          <input
            name="login"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={40}
            value={login}
            onChange={(event) => setLogin(event.target.value)}
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
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        <p className="door-error" role="alert">
          {failed && words(failed)}
        </p>
        <button className="primary" type="submit" disabled={busy}>
          {busy ? words("logging_in") : words("log_in")}
        </button>
        <LanguageSwitch language={language} onLanguage={onLanguage} />
      </form>
    </main>
  );
}
