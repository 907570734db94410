import { useState, type FormEvent } from "react";
import type { Desk } from "../core/desk";
import type { OfferSaid, OfferShown } from "../core/protocol.gen";
import { useWords } from "./words";

const ANSWERS: readonly OfferSaid["answer"][] = ["accepted", "rejected", "not_raised"];

/** What came of the offer, as often as the agent thinks again; shown as chosen once it is stored. */
export function OfferAnswer({ desk, popId, offer }: { desk: Desk; popId: string; offer: OfferShown }) {
  const words = useWords();
  const said = offer.said ?? null;
  const [reason, setReason] = useState(said?.reason ?? "");

  function save(event: FormEvent) {
    event.preventDefault();
    if (said) desk.answerOffer(popId, offer.name, said.answer, reason.trim());
  }

  return (
    <form className="offer-answer" onSubmit={save}>
      <fieldset className="codes">
        <legend className="label">{words("offer_answer")}</legend>
        {ANSWERS.map((answer) => (
          <label key={answer} className="code">
            <input
              type="radio"
              name={`offer-${popId}`}
              checked={said?.answer === answer}
              onChange={() => desk.answerOffer(popId, offer.name, answer, reason.trim())}
            />
            {words.code("said", answer)}
          </label>
        ))}
      </fieldset>
      <label className="offer-reason">
        <span className="label">{words("offer_reason")}</span>
        <input
          type="text"
          maxLength={200}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      {said && said.reason !== reason.trim() && (
        <button type="submit">{words("offer_reason_save")}</button>
      )}
      <p className="faint" role="status">
        {said ? words("offer_said_by", { agent: said.agent }) : words("offer_not_said")}
      </p>
    </form>
  );
}
