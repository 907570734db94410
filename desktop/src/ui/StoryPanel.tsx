import type { ReactNode } from "react";
import { clock, percent, phone } from "../core/format";
import { inLanguage } from "../core/i18n";
import type {
  ChurnShown,
  KeyShown,
  OwnSegmentShown,
  PopContent,
  SegmentsShown,
} from "../core/protocol.gen";
import type { Pop } from "../core/store";
import { Reasons } from "./Reasons";
import { Since } from "./time";
import { useWords } from "./words";

interface Props {
  content: PopContent;
  pop: Pop;
  skewMs: number;
}

const LANGUAGE_NAMES: Record<string, string> = { en: "English", zh: "中文", es: "Español" };

/** What happened on this call before the agent's phone rang. */
export function StoryPanel({ content, pop, skewMs }: Props) {
  const words = useWords();
  const { call, decision } = content;
  return (
    <section className="panel">
      <h3>{words("this_call")}</h3>
      <dl className="facts">
        {call.queue && <Fact name={words("queue")}>{words.code("queue", call.queue)}</Fact>}
        <Waited pop={pop} skewMs={skewMs} />
        <Fact name={words("dialled")}>{phone(call.dialled)}</Fact>
        <Fact name={words("call_language")}>{LANGUAGE_NAMES[call.language] ?? call.language}</Fact>
        {call.attestation && (
          <Fact name={words("attestation")}>{words.code("attestation", call.attestation)}</Fact>
        )}
        {decision?.recording && (
          <Fact name={words("recording")}>{words.code("recording", decision.recording)}</Fact>
        )}
        {decision?.rule && <Fact name={words("rule")}>{decision.rule}</Fact>}
        {call.transferred_from && (
          <Fact name={words("transferred_from")}>{call.transferred_from}</Fact>
        )}
      </dl>
      {content.churn && <Churn churn={content.churn} />}
      {content.segments && <Segments segments={content.segments} />}
      <h4>{words("in_menu")}</h4>
      {call.keys.length === 0 ? <p className="faint">{words("no_keys")}</p> : <Keys keys={call.keys} />}
      {call.notes.length > 0 && (
        <>
          <h4>{words("notes_before")}</h4>
          <ul className="lines">
            {call.notes.map((note, index) => (
              <li key={index} className="note-before">
                <bdi>{note}</bdi>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** How likely the caller stays away, with what speaks for it. */
function Churn({ churn }: { churn: ChurnShown }) {
  const words = useWords();
  const reasons = inLanguage(words.language, churn.reasons, churn.reasons_zh);
  return (
    <>
      <h4>{words("churn_risk")}</h4>
      <p className="churn">
        <span className={`badge badge-churn-${churn.level}`}>
          {words.code("churn_level", churn.level)}
        </span>{" "}
        {words("churn_meaning", {
          share: percent(churn.risk, words.language),
          days: churn.horizon_days,
        })}
      </p>
      {reasons.length > 0 && <Reasons reasons={reasons} />}
    </>
  );
}

/** Groups that the supervisors made themselves, how the caller buys, and whether they may leave. */
function Segments({ segments }: { segments: SegmentsShown }) {
  const words = useWords();
  const { own, churn_warning, behaviour, price_band, main_category, loyalty } = segments;
  const warning = (words.language === "zh" && segments.churn_warning_zh) || churn_warning;
  return (
    <>
      {warning && (
        <p className="degraded" role="note">
          <strong>{words("churn_warning")}:</strong> <bdi>{warning}</bdi>
        </p>
      )}
      {own.length > 0 && (
        <ul className="badges" aria-label={words("own_segments")}>
          {own.map((one) => (
            <li key={one.name} className="badge">
              <bdi>{titleOf(one, words.language)}</bdi>
            </li>
          ))}
        </ul>
      )}
      {(behaviour || loyalty || price_band || main_category) && (
        <dl className="facts">
          {loyalty && <Fact name={words("loyalty")}>{words.code("loyalty", loyalty)}</Fact>}
          {behaviour && <Fact name={words("behaviour")}>{words.code("behaviour", behaviour)}</Fact>}
          {price_band && <Fact name={words("price_band")}>{words.code("price_band", price_band)}</Fact>}
          {main_category && <Fact name={words("main_category")}>{main_category}</Fact>}
        </dl>
      )}
    </>
  );
}

function titleOf(segment: OwnSegmentShown, language: string): string {
  const title =
    segment.titles.find((one) => one.language === language) ??
    segment.titles.find((one) => one.language === "") ??
    segment.titles[0];
  return title?.text ?? segment.name;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi>{children}</bdi>
      </dd>
    </div>
  );
}

function Waited({ pop, skewMs }: { pop: Pop; skewMs: number }) {
  const words = useWords();
  const since = pop.content.call.queued_at ?? pop.content.call.arrived_at;
  if (since === null) return null;
  if (pop.state === "offered") {
    return (
      <Fact name={words("waiting")}>
        <Since at={since} skewMs={skewMs} />
      </Fact>
    );
  }
  const until = pop.claimedAt ?? pop.closedAt;
  return until === null ? null : <Fact name={words("waited")}>{clock(until - since)}</Fact>;
}

function Keys({ keys }: { keys: readonly KeyShown[] }) {
  const words = useWords();
  return (
    <ol className="keys">
      {keys.map((step, index) => (
        <li key={index}>
          {step.digits ? (
            <kbd aria-label={words("key", { digits: step.digits })}>{step.digits}</kbd>
          ) : (
            <span className="no-key" aria-hidden="true">
              –
            </span>
          )}
          <span className="key-what">
            {step.intent ? (
              <bdi className="intent">{words.code("intent", step.intent)}</bdi>
            ) : (
              <span className="no-intent">{words.code("outcome_key", step.outcome)}</span>
            )}
            <bdi className="faint">{words.code("menu", step.menu)}</bdi>
          </span>
        </li>
      ))}
    </ol>
  );
}
