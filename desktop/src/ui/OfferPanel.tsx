import type { OfferShown } from "../core/protocol.gen";
import { useWords } from "./words";

/** The one thing to propose, and how. */
export function OfferPanel({ offer }: { offer: OfferShown }) {
  const words = useWords();
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
      {offer.reasons.length > 0 && <p className="faint">{offer.reasons.join(" · ")}</p>}
    </section>
  );
}
