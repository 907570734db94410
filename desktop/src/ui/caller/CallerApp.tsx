import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Caller, SeenByCaller } from "../../core/caller/caller";
import { firstLanguage, keepLanguage, translator, type Language } from "../../core/i18n";
import { LanguageSwitch } from "../LanguageSwitch";
import { useWords, Words } from "../words";
import { DeskSide } from "./DeskSide";
import { Dialler } from "./Dialler";

export function CallerApp({ caller }: { caller: Caller }) {
  const seen = useSyncExternalStore(caller.subscribe, caller.snapshot);
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const words = useMemo(() => translator(language), [language]);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${words("cp_title")} · ${words("app")}`;
    keepLanguage(language);
  }, [language, words]);
  return (
    <Words value={words}>
      <header className="cp-bar">
        <img src="/icon.svg" alt="" width="26" height="26" />
        <h1>{words("cp_title")}</h1>
        <LanguageSwitch language={language} onLanguage={setLanguage} />
      </header>
      <main className="cp">
        <p className="cp-intro">{words("cp_intro")}</p>
        <p role="alert">{seen.away && <span className="cp-trouble">{words("cp_away")}</span>}</p>
        <Dialler caller={caller} seen={seen} />
        <div className="cp-side">
          <Steps seen={seen} />
          <DeskSide agent={seen.cast?.agent ?? ""} />
        </div>
      </main>
    </Words>
  );
}

function Steps({ seen }: { seen: SeenByCaller }) {
  const words = useWords();
  return (
    <section className="cp-card" aria-labelledby="cp-steps">
      <h2 id="cp-steps">{words("cp_steps")}</h2>
      {seen.steps.length === 0 && <p className="faint">{words("cp_steps_none")}</p>}
      <ol className="cp-steps" aria-live="polite" data-testid="steps">
        {seen.steps.map((step, at) => (
          <li key={at}>
            <bdi>{words(step.word, step.filled)}</bdi>
          </li>
        ))}
      </ol>
    </section>
  );
}
