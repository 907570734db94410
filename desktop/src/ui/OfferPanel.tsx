import { inLanguage } from "../core/i18n";
import type { Desk } from "../core/desk";
import type { OfferBeforeShown, OfferShown } from "../core/protocol.gen";
import type { Pop } from "../core/store";
import { OfferAnswer } from "./OfferAnswer";
import { Reasons } from "./Reasons";
import { useWords } from "./words";

/** What the caller heard of it before this call, and how often they may still hear it. */
function Earlier({ offer }: { offer: OfferShown }) {
  const words = useWords();
  const { before, cap } = offer;
  if (before.length === 0 && !cap) return null;
  return (
    <ul className="offer-before faint" aria-label={words("offer_before")}>
      {before.map((one, at) => (
        <li key={at}>
          {metBefore(one, words)} · {ago(one.days_ago, words)}
        </li>
      ))}
      {cap && <li>{words("offer_cap", { ...cap })}</li>}
    </ul>
  );
}

function ago(days: number, words: ReturnType<typeof useWords>): string {
  if (days === 0) return words("within_a_day");
  return words(days > 1 ? "days_ago" : "day_ago", { days });
}

function metBefore(one: OfferBeforeShown, words: ReturnType<typeof useWords>): string {
  const met = words.code("met", one.place ? `heard_${one.place}` : "heard");
  if (one.answer === "heard") return met;
  return words("met_and", { met, answer: words.code("before", one.answer) });
}

/** The one thing to propose, how, and what came of it. */
export function OfferPanel({ desk, pop, offer }: { desk: Desk; pop: Pop; offer: OfferShown }) {
  const words = useWords();
  const reasons = inLanguage(words.language, offer.reasons, offer.reasons_zh);
  return (
    <section className="panel offer">
      <h3>{words("offer")}</h3>
      <p className="offer-name">
        <bdi>{words.code("offer", offer.name)}</bdi>
      </p>
      {offer.heard.length > 0 && (
        <ul className="offer-heard">
          {offer.heard.map((one) => (
            <li key={one.place}>
              {words.code("met", `${one.answer}_${one.place}`)}
            </li>
          ))}
        </ul>
      )}
      <Earlier offer={offer} />
      {offer.say && (
        <>
          <h4>{words("offer_say")}</h4>
          <blockquote>
            <bdi>{offer.say}</bdi>
          </blockquote>
        </>
      )}
      {reasons.length > 0 && (
        <>
          <h4>{words("offer_why")}</h4>
          <Reasons reasons={reasons} />
        </>
      )}
      {pop.state === "closed" && offer.said && (
        <p className="faint">
          {words.code("said", offer.said.answer)}
          {offer.said.reason && <bdi>: {offer.said.reason}</bdi>} ·{" "}
          {words("offer_said_by", { agent: offer.said.agent })}
        </p>
      )}
      {(pop.state === "claimed" || pop.state === "wrapup") && (
        <OfferAnswer desk={desk} popId={pop.id} offer={offer} />
      )}
    </section>
  );
}
