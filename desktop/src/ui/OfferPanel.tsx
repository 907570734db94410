import { inLanguage } from "../core/i18n";
import type { OfferShown } from "../core/protocol.gen";
import { Reasons } from "./Reasons";
import { useWords } from "./words";

/** The one thing to propose, and how. */
export function OfferPanel({ offer }: { offer: OfferShown }) {
  const words = useWords();
  const reasons = inLanguage(words.language, offer.reasons, offer.reasons_zh);
  return (
    <section className="panel offer">
      <h3>{words("offer")}</h3>
      <p className="offer-name">
        <bdi>{words.code("offer", offer.name)}</bdi>
      </p>
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
    </section>
  );
}
