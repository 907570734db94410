import { useRef, useState } from "react";
import type { Desk } from "../core/desk";
import { link, percent } from "../core/format";
import { inLanguage } from "../core/i18n";
import { recordingOf, type Pop } from "../core/store";
import { Candidates } from "./Candidates";
import { ContactPanel } from "./ContactPanel";
import { FollowUps, hasFollowUps } from "./FollowUps";
import { useDoings, useKeysOf } from "./keys";
import { LeadPanel } from "./LeadPanel";
import { NoteField } from "./NoteField";
import { OfferPanel } from "./OfferPanel";
import { OpenLink } from "./OpenLink";
import { stateWord } from "./PopList";
import { callerName, callerNumber } from "./caller";
import { RecordingBar } from "./RecordingBar";
import { StoryPanel } from "./StoryPanel";
import { Since } from "./time";
import { TransferBox, type TransferProps } from "./TransferBox";
import { WrapUpPanel } from "./WrapUpPanel";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  pop: Pop;
  skewMs: number;
  /** Without it the call can only be looked at, not given away. */
  giving?: Pick<TransferProps, "state" | "online">;
}

export function CallCard({ desk, pop, skewMs, giving }: Props) {
  const words = useWords();
  const [note, setNote] = useState(pop.note);
  const { content } = pop;
  const recording = giving && pop.state === "claimed" ? recordingOf(giving.state, pop.id) : null;
  return (
    <article className={`card card-${pop.state}`} aria-labelledby={`who-${pop.id}`}>
      <Strip pop={pop} skewMs={skewMs} />
      {recording && giving && (
        <RecordingBar desk={desk} recording={recording} online={giving.online} skewMs={skewMs} />
      )}
      <Head pop={pop} />
      {content.note && (
        <p className="rule-note">
          <strong>{words("rule_note")}:</strong> <bdi>{content.note}</bdi>
        </p>
      )}
      {content.degraded.length > 0 && (
        <p className="degraded">
          <strong>{words("degraded")}:</strong> {content.degraded.join(" · ")}
        </p>
      )}
      {pop.state === "wrapup" && (
        <WrapUpPanel desk={desk} pop={pop} note={note} onNote={setNote} skewMs={skewMs} />
      )}
      {hasFollowUps(pop) && (
        <div className="at-work">
          {pop.state === "claimed" && (
            <NoteField desk={desk} popId={pop.id} note={note} onNote={setNote} />
          )}
          {pop.state === "claimed" && giving && (
            <TransferBox desk={desk} pop={pop} note={note} {...giving} />
          )}
          {/* One and the same in talk and wrap-up: what is being typed stays. */}
          <FollowUps desk={desk} pop={pop} note={note} />
        </div>
      )}
      <div className="panels">
        {content.match.candidates.length > 1 && <Candidates desk={desk} pop={pop} />}
        {content.lead && <LeadPanel lead={content.lead} />}
        {content.offer && <OfferPanel desk={desk} pop={pop} offer={content.offer} />}
        <StoryPanel content={content} pop={pop} skewMs={skewMs} />
        {content.contact && <ContactPanel contact={content.contact} content={content} />}
      </div>
    </article>
  );
}

function Strip({ pop, skewMs }: { pop: Pop; skewMs: number }) {
  const words = useWords();
  const since =
    pop.state === "offered" ? pop.offeredAt : pop.state === "claimed" ? pop.claimedAt : null;
  return (
    <div className="strip" data-testid="pop-state">
      <span className="dot" aria-hidden="true" />
      <span>{stateWord(pop, words)}</span>
      {since !== null && <Since at={since} skewMs={skewMs} />}
    </div>
  );
}

function Head({ pop }: { pop: Pop }) {
  const words = useWords();
  const { content } = pop;
  const { match, segments, contact, call, churn } = content;
  const reasons = segments ? inLanguage(words.language, segments.reasons, segments.reasons_zh) : [];
  const name = callerName(content, words);
  const number = callerNumber(content, words);
  const url = link(contact?.url ?? null);
  const crm = useRef<HTMLAnchorElement>(null);
  const keysOf = useKeysOf();
  useDoings({
    crm: () => {
      crm.current?.click();
      return crm.current !== null;
    },
  });
  return (
    <header className="head">
      <div className="head-who">
        <h2 id={`who-${pop.id}`}>
          <bdi>{name}</bdi>
        </h2>
        <p className="head-line">
          {number !== name && <bdi className="number">{number}</bdi>}
          {contact?.company && <bdi className="company">{contact.company}</bdi>}
          {call.network_name && call.network_name !== name && (
            <span className="network">
              {words("says")}: <bdi>{call.network_name}</bdi>
            </span>
          )}
        </p>
      </div>
      <div className="links">
        {url && (
          <a
            ref={crm}
            className="crm"
            href={url}
            target="_blank"
            rel="noopener noreferrer"
            {...keysOf("crm")}
          >
            {words("open_crm")} <span aria-hidden="true">↗</span>
          </a>
        )}
        {content.open && <OpenLink address={content.open} />}
      </div>
      <ul className="badges">
        <li className={`badge badge-match-${match.outcome}`}>
          {words.code("outcome", match.outcome)}
          {match.outcome === "unique" && (
            <span className="badge-more">
              {words("sure", { share: percent(match.confidence, words.language) })}
            </span>
          )}
        </li>
        {segments && (
          <>
            <li className={`badge badge-tier-${segments.tier}`}>
              {words.code("tier", segments.tier)}
            </li>
            <li className={`badge badge-life-${segments.lifecycle}`}>
              {words.code("lifecycle", segments.lifecycle)}
            </li>
          </>
        )}
        {churn && churn.level === "high" && (
          <li
            className="badge badge-churn-high"
            title={words("churn_meaning", {
              share: percent(churn.risk, words.language),
              days: churn.horizon_days,
            })}
          >
            {words("churn_high")}
            <span className="badge-more">{percent(churn.risk, words.language)}</span>
          </li>
        )}
      </ul>
      {reasons.length > 0 && (
        <p className="why">
          <strong>{words("why")}:</strong> {reasons.join(" · ")}
        </p>
      )}
    </header>
  );
}
