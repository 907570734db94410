import type { Desk } from "../core/desk";
import type { Language } from "../core/i18n";
import type { AgentState } from "../core/protocol.gen";
import type { Link } from "../core/socket";
import type { DeskState } from "../core/store";
import { LOOKS } from "../core/supervisor/supervisor";
import { Activity, Today } from "./Duty";
import { useDoings, useKeysOf } from "./keys";
import { LanguageSwitch } from "./LanguageSwitch";
import { Since } from "./time";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  state: DeskState;
  link: Link;
  language: Language;
  onLanguage: (language: Language) => void;
  onHelp: () => void;
}

const CHOICES: readonly AgentState[] = ["available", "not_ready", "offline"];

export function TopBar({ desk, state, link, language, onLanguage, onHelp }: Props) {
  const words = useWords();
  const keysOf = useKeysOf();
  const { status, agent } = state;
  useDoings({
    state: () => {
      desk.chooseState((status.next?.state ?? status.state) === "available" ? "not_ready" : "available");
      return true;
    },
    help: () => {
      onHelp();
      return true;
    },
  });
  const linkWord = link.kind === "signed_out" ? "offline" : (`link_${link.kind}` as const);
  return (
    <header className="bar">
      <div className="brand">
        <img src="/icon.svg" alt="" width="26" height="26" />
        <h1>{words("app")}</h1>
      </div>
      <fieldset className="states">
        <legend className="unseen">{words("state")}</legend>
        {CHOICES.map((choice) => (
          <label key={choice} className={`state state-${choice}`}>
            <input
              type="radio"
              name="state"
              checked={status.state === choice}
              onChange={() => desk.chooseState(choice)}
              {...(choice === "offline" ? {} : keysOf("state"))}
            />
            <span className="dot" aria-hidden="true" />
            {words(choice)}
          </label>
        ))}
      </fieldset>
      {status.since !== null && status.activity === "idle" && (
        <span className="in-state">
          <span className="unseen">{words("in_state", { state: words(status.state) })} </span>
          <Since at={status.since} skewMs={state.skewMs} />
        </span>
      )}
      <span className="unseen" role="status">
        {words(status.state)}
      </span>
      <Activity desk={desk} state={state} />
      <span className="gap" />
      <Today day={state.day} />
      <button type="button" className="quiet" {...keysOf("help")} onClick={onHelp}>
        <span aria-hidden="true">?</span>
        <span className="unseen">{words("shortcuts")}</span>
      </button>
      <LanguageSwitch language={language} onLanguage={onLanguage} />
      <span className="me">
        {agent && LOOKS.includes(agent.role) && <a href="/supervisor">{words("sv_title")}</a>}
      {agent && (
          <span className="avatar" aria-hidden="true">
            {[...agent.name][0]}
          </span>
        )}
        <span className="me-lines">
          {agent && <bdi>{agent.name}</bdi>}
          <span className={`link link-${link.kind}`} role="status">
            <span className="dot" aria-hidden="true" />
            {words(linkWord)}
          </span>
        </span>
      </span>
      <button type="button" className="quiet" onClick={() => void desk.logOut()}>
        {words("log_out")}
      </button>
    </header>
  );
}
