import { useLayoutEffect, useId, useRef } from "react";
import type { Desk } from "../core/desk";
import type { CallConsult } from "../core/protocol.gen";
import { consultOf, type DeskState, type Pop } from "../core/store";
import { TransferChooser } from "./TransferChooser";
import { useWords } from "./words";

export interface TransferProps {
  desk: Desk;
  state: DeskState;
  pop: Pop;
  /** As it stands in its field. */
  note: string;
  /** The server hears now what is pressed. */
  online: boolean;
}

/** Gives an answered call to somebody else, at once or after asking them. */
export function TransferBox(props: TransferProps) {
  const { desk, state, pop } = props;
  const words = useWords();
  const title = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const isOpen = state.transferring === pop.id;
  const consult = consultOf(state, pop.id);

  function close() {
    desk.openTransfer(null);
    opener.current?.focus();
  }

  return (
    <section className="panel transfer" aria-labelledby={title} data-testid="transfer">
      <header className="transfer-top">
        <h3 id={title}>{words("transfer")}</h3>
        {!consult && (
          <button
            ref={opener}
            type="button"
            aria-expanded={isOpen}
            onClick={() => (isOpen ? close() : desk.openTransfer(pop.id))}
          >
            {words(isOpen ? "transfer_close" : "transfer_open")}
          </button>
        )}
      </header>
      {consult ? (
        <Asking {...props} consult={consult} />
      ) : isOpen ? (
        <TransferChooser {...props} onClose={close} />
      ) : (
        <p className="faint">{words("transfer_text")}</p>
      )}
    </section>
  );
}

/** Somebody is asked about the call, or talks along. */
function Asking({ desk, pop, online, consult }: TransferProps & { consult: CallConsult }) {
  const words = useWords();
  const who = useId();
  const box = useRef<HTMLDivElement>(null);
  // What had the focus is gone with the choice.
  useLayoutEffect(() => box.current?.focus(), []);
  const three = consult.state === "conference";
  return (
    <div
      className={`transfer-body asking asking-${consult.state}`}
      role="group"
      aria-labelledby={who}
      tabIndex={-1}
      ref={box}
      data-testid="asking"
    >
      <p className="asking-who" id={who}>
        <span className="dot" aria-hidden="true" />
        <bdi>{consult.name || consult.target}</bdi>
      </p>
      <p role="status">{words.code("consult", consult.state)}</p>
      <div className="transfer-buttons">
        <button
          type="button"
          className="primary"
          disabled={!online}
          onClick={() => desk.endAsking(pop.id, "complete")}
        >
          {words(three ? "transfer_leave" : "transfer_complete")}
        </button>
        {!three && (
          <>
            <button
              type="button"
              disabled={!online}
              onClick={() => desk.endAsking(pop.id, "cancel")}
            >
              {words("transfer_back")}
            </button>
            <button
              type="button"
              disabled={!online || consult.state !== "talking"}
              onClick={() => desk.endAsking(pop.id, "conference")}
            >
              {words("transfer_conference")}
            </button>
          </>
        )}
      </div>
    </div>
  );
}
