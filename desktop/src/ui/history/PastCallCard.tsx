import { useLayoutEffect, useRef, type ReactNode } from "react";
import type { Desk } from "../../core/desk";
import { clock, moment } from "../../core/format";
import type { History, ShownCard } from "../../core/history/history";
import type { PastCallTold } from "../../core/protocol.gen";
import type { CloseReason, Pop } from "../../core/store";
import { CallCard } from "../CallCard";
import { useWords } from "../words";

interface Props {
  desk: Desk;
  history: History;
  card: ShownCard;
}

/** A call that is over, read-only: how it went, then the card as it was. */
export function PastCallCard({ desk, history, card }: Props) {
  const words = useWords();
  const back = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const stage = back.current?.closest(".stage");
    if (stage) stage.scrollTop = 0;
    back.current?.focus();
  }, []);
  const { told, failed } = card;
  return (
    <div className="past-card">
      <p className="past-card-bar">
        <button ref={back} type="button" onClick={() => history.back()}>
          <span aria-hidden="true">←</span> {words("my_calls_back")}
        </button>
        {told && <span className="faint">{words("my_calls_as_shown")}</span>}
      </p>
      {!told && !failed && (
        <p className="faint" role="status">
          {words("my_calls_card_loading")}
        </p>
      )}
      {failed && (
        <p className="my-calls-failed" role="alert">
          {words(failed === "gone" ? "my_calls_card_gone" : "my_calls_card_failed")}{" "}
          {failed === "away" && (
            <button type="button" onClick={() => void history.show(card.popId)}>
              {words("retry")}
            </button>
          )}
        </p>
      )}
      {told && (
        <>
          <HowItWent told={told} />
          <CallCard desk={desk} pop={closedPop(told)} skewMs={0} />
        </>
      )}
    </div>
  );
}

function HowItWent({ told }: { told: PastCallTold }) {
  const words = useWords();
  const { call, note } = told;
  const over = call.released_at ?? call.closed_at;
  return (
    <section className="panel past-facts" aria-label={words("my_calls_how_it_went")}>
      <h3>{words("my_calls_how_it_went")}</h3>
      <dl className="facts">
        <Fact name={words("my_calls_ended")}>
          <span className={`badge badge-ended-${call.ended}`}>
            {words.code("ended", call.ended)}
          </span>
        </Fact>
        <Fact name={words("my_calls_rang")}>{moment(call.offered_at, words.language)}</Fact>
        {call.claimed_at !== null && (
          <Fact name={words("my_calls_answered")}>{moment(call.claimed_at, words.language)}</Fact>
        )}
        {over !== null && (
          <Fact name={words("my_calls_over")}>{moment(over, words.language)}</Fact>
        )}
        {call.claimed_at !== null && (
          <Fact name={words("my_calls_talk")}>{clock(call.talk_s * 1000)}</Fact>
        )}
        {call.code && (
          <Fact name={words("my_calls_code")}>{words.code("code", call.code)}</Fact>
        )}
      </dl>
      <h4>{words("note")}</h4>
      {note ? (
        <p className="past-note">
          <bdi>{note}</bdi>
        </p>
      ) : (
        <p className="faint">{words("my_calls_no_note")}</p>
      )}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** As the card of a call on the screen takes it: closed, so that nothing in it can be changed. */
function closedPop({ call, content, note }: PastCallTold): Pop {
  const inVain = call.claimed_at === null && call.ended !== "open";
  return {
    id: call.pop_id,
    seq: 0,
    state: "closed",
    content,
    offeredAt: call.offered_at,
    claimedAt: call.claimed_at,
    closedAt: call.closed_at,
    closeReason: inVain ? (call.ended as CloseReason) : call.code ? "done" : null,
    wrapup: null,
    note,
  };
}
