import { useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { firstLanguage, keepLanguage, translator, type Language } from "../../core/i18n";
import { MOVES, RUNS, type Seen, type Supervisor } from "../../core/supervisor/supervisor";
import { hashOf, viewOf, type View } from "../../core/supervisor/view";
import { LanguageSwitch } from "../LanguageSwitch";
import { LogIn } from "../LogIn";
import { useWords, Words } from "../words";
import { CallPage } from "./CallPage";
import { ModelsPage } from "./ModelsPage";
import { NowPage } from "./NowPage";
import { OutboxPage } from "./OutboxPage";
import { RulebookPage } from "./RulebookPage";

export function SupervisorApp({ supervisor }: { supervisor: Supervisor }) {
  const seen = useSyncExternalStore(supervisor.subscribe, supervisor.snapshot);
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const words = useMemo(() => translator(language), [language]);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = `${words("sv_title")} · ${words("app")}`;
    keepLanguage(language);
  }, [language, words]);
  const languages = <LanguageSwitch language={language} onLanguage={setLanguage} />;
  return (
    <Words value={words}>
      {seen.door === "signed_out" ? (
        <LogIn onEntered={() => supervisor.start()} language={language} onLanguage={setLanguage} />
      ) : (
        <Inside supervisor={supervisor} seen={seen} languages={languages} />
      )}
    </Words>
  );
}

interface Props {
  supervisor: Supervisor;
  seen: Seen;
  languages: ReactNode;
}

function Inside({ supervisor, seen, languages }: Props) {
  const words = useWords();
  const view = useView();
  const { line, me } = seen;
  return (
    <div className="sv">
      <header className="bar">
        <div className="brand">
          <img src="/icon.svg" alt="" width="26" height="26" />
          <h1>{words("sv_title")}</h1>
        </div>
        {seen.door === "open" && <Pages view={view} />}
        <span className="gap" />
        {languages}
        {seen.door === "open" && (
          <span className={`link link-${line}`} role="status">
            <span className="dot" aria-hidden="true" />
            {words(`link_${line}`)}
          </span>
        )}
        <a className="sv-desk" href="/">
          {words("sv_to_desk")}
        </a>
        {me && <bdi className="sv-me">{me.name}</bdi>}
        <button type="button" className="quiet" onClick={() => void supervisor.logOut()}>
          {words("log_out")}
        </button>
      </header>
      <p className={line === "waiting" ? "sv-lost" : "unseen"} role="status">
        {line === "waiting" && words("sv_lost")}
      </p>
      <main className="sv-main">
        {seen.door === "refused" && (
          <section className="sv-refused">
            <h2>{words("sv_only")}</h2>
            <p>{words("sv_only_text", { name: me?.name ?? "" })}</p>
          </section>
        )}
        {seen.door === "open" && <Shown view={view} seen={seen} />}
      </main>
    </div>
  );
}

function Shown({ view, seen }: { view: View; seen: Seen }) {
  const words = useWords();
  switch (view.kind) {
    case "call":
      return <CallPage key={view.id} id={view.id} />;
    case "rulebook":
      // Read anew when another version is current.
      return (
        <RulebookPage
          current={seen.board?.rulebook ?? ""}
          mayMove={MOVES.includes(seen.me?.role ?? "")}
        />
      );
    case "models":
      return <ModelsPage />;
    case "outbox":
      return <OutboxPage mayRetry={RUNS.includes(seen.me?.role ?? "")} />;
    default:
      return seen.board ? (
        <NowPage board={seen.board} skewMs={seen.skewMs} />
      ) : (
        <p className="faint">{words("sv_loading")}</p>
      );
  }
}

const PAGES = [
  { kind: "now", word: "sv_now" },
  { kind: "rulebook", word: "sv_rulebook" },
  { kind: "models", word: "sv_models" },
  { kind: "outbox", word: "sv_outbox" },
] as const;

function Pages({ view }: { view: View }) {
  const words = useWords();
  return (
    <nav className="sv-pages" aria-label={words("sv_pages")}>
      {PAGES.map(({ kind, word }) => (
        <a key={kind} href={hashOf({ kind })} aria-current={view.kind === kind ? "page" : undefined}>
          {words(word)}
        </a>
      ))}
    </nav>
  );
}

function useView(): View {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const turn = () => setHash(window.location.hash);
    window.addEventListener("hashchange", turn);
    return () => window.removeEventListener("hashchange", turn);
  }, []);
  return useMemo(() => viewOf(hash), [hash]);
}
