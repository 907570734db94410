import { useLayoutEffect, useRef, useSyncExternalStore, type KeyboardEvent } from "react";
import type { Desk } from "../../core/desk";
import { clock, day, moment, phone } from "../../core/format";
import type { History, HistoryState } from "../../core/history/history";
import type { Translate } from "../../core/i18n";
import type { PastCall } from "../../core/protocol.gen";
import { useWords } from "../words";
import { PastCallCard } from "./PastCallCard";

/** The agent's own calls: a list to search in, and one of them as it was on the screen. */
export function MyCalls({ desk, history }: { desk: Desk; history: History }) {
  const words = useWords();
  const state = useSyncExternalStore(history.subscribe, history.snapshot);
  const left = useRef<string | null>(null);
  if (state.card) left.current = state.card.popId;

  function press(event: KeyboardEvent) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (state.card) history.back();
    else if (state.query === "") history.close();
  }

  return (
    <section className="my-calls" aria-label={words("my_calls")} onKeyDown={press}>
      {state.card ? (
        <PastCallCard key={state.card.popId} desk={desk} history={history} card={state.card} />
      ) : (
        <List desk={desk} history={history} state={state} left={left.current} />
      )}
    </section>
  );
}

interface ListProps {
  desk: Desk;
  history: History;
  state: HistoryState;
  /** The call that the agent comes back from. */
  left: string | null;
}

function List({ desk, history, state, left }: ListProps) {
  const words = useWords();
  const search = useRef<HTMLInputElement>(null);
  const top = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const stage = top.current?.closest(".stage");
    if (stage) stage.scrollTop = history.snapshot().scroll;
    const row = document.querySelector<HTMLElement>(`[data-pop="${left}"]`);
    // A person who types elsewhere meanwhile is left there.
    if (document.activeElement === document.body || !document.activeElement?.isConnected) {
      (row ?? search.current)?.focus({ preventScroll: true });
    }
    return () => history.keepScroll(stage?.scrollTop ?? 0);
  }, [history, left]);
  const { calls, busy, failed, next } = state;
  return (
    <div ref={top} className="my-calls-list">
      <header className="my-calls-head">
        <h2>{words("my_calls")}</h2>
        <button type="button" onClick={() => history.close()}>
          {words("my_calls_close")}
        </button>
      </header>
      <form
        role="search"
        className="my-calls-search"
        onSubmit={(event) => {
          event.preventDefault();
          void history.ask();
        }}
      >
        <label>
          <span className="label">{words("my_calls_search")}</span>
          <input
            ref={search}
            type="search"
            maxLength={200}
            autoComplete="off"
            spellCheck={false}
            value={state.query}
            placeholder={words("my_calls_search_hint")}
            onChange={(event) => history.type(event.target.value)}
          />
        </label>
      </form>
      <p className="faint" role="status">
        {statusOf(state, words)}
      </p>
      {failed && (
        <p className="my-calls-failed" role="alert">
          {words("my_calls_failed")}{" "}
          <button type="button" onClick={() => void history.ask()}>
            {words("retry")}
          </button>
        </p>
      )}
      {calls !== null && calls.length > 0 && (
        <Table desk={desk} history={history} calls={calls} busy={busy === "list"} />
      )}
      {next !== null && (
        <button
          type="button"
          className="my-calls-more"
          aria-disabled={busy !== null}
          onClick={() => void history.more()}
        >
          {words("my_calls_more")}
        </button>
      )}
    </div>
  );
}

function statusOf({ calls, busy, failed, since }: HistoryState, words: Translate): string {
  if (calls === null) return busy && !failed ? words("my_calls_loading") : "";
  const searched =
    since === null ? "" : words("my_calls_searched", { day: day(since, words.language) });
  if (calls.length === 0) {
    return since === null ? words("my_calls_none") : `${words("my_calls_none_found")} ${searched}`;
  }
  const shown =
    calls.length === 1
      ? words("my_calls_shown_one")
      : words("my_calls_shown", { count: calls.length });
  return searched ? `${shown} · ${searched}` : shown;
}

interface TableProps {
  desk: Desk;
  history: History;
  calls: readonly PastCall[];
  busy: boolean;
}

function Table({ desk, history, calls, busy }: TableProps) {
  const words = useWords();
  return (
    <table className="my-calls-table" aria-busy={busy}>
      <caption className="unseen">{words("my_calls")}</caption>
      <thead>
        <tr>
          <th scope="col">{words("my_calls_when")}</th>
          <th scope="col">{words("my_calls_who")}</th>
          <th scope="col">{words("queue")}</th>
          <th scope="col">{words("my_calls_ended")}</th>
          <th scope="col">{words("my_calls_talk")}</th>
          <th scope="col">{words("my_calls_code")}</th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          <Row key={call.pop_id} call={call} onOpen={() => open(desk, history, call)} />
        ))}
      </tbody>
    </table>
  );
}

/** One that is on the screen anyway is shown there, where it can be worked on. */
function open(desk: Desk, history: History, call: PastCall) {
  const pops = desk.snapshot().desk.pops;
  if (pops.some((pop) => pop.id === call.pop_id && pop.state !== "closed")) {
    history.close();
    desk.show(call.pop_id);
  } else {
    void history.show(call.pop_id);
  }
}

function Row({ call, onOpen }: { call: PastCall; onOpen: () => void }) {
  const words = useWords();
  const who = pastCallerName(call, words);
  const number = call.withheld || !call.number ? "" : phone(call.number);
  return (
    <tr className={`past past-${call.ended}`}>
      <td className="past-when">
        <time dateTime={new Date(call.offered_at).toISOString()}>
          {moment(call.offered_at, words.language)}
        </time>
      </td>
      <td>
        <button type="button" className="past-who" data-pop={call.pop_id} onClick={onOpen}>
          <bdi>{who}</bdi>
        </button>
        <span className="past-more">
          {number && number !== who && <bdi>{number}</bdi>}
          {call.company && <bdi>{call.company}</bdi>}
        </span>
      </td>
      <td>{call.queue && words.code("queue", call.queue)}</td>
      <td>
        <span className={`badge badge-ended-${call.ended}`}>{words.code("ended", call.ended)}</span>
      </td>
      <td className="past-talk">{call.claimed_at !== null && clock(call.talk_s * 1000)}</td>
      <td>{call.code && words.code("code", call.code)}</td>
    </tr>
  );
}

function pastCallerName(call: PastCall, words: Translate): string {
  if (call.name) return call.name;
  if (call.withheld) return words("withheld");
  if (call.outcome === "multiple") return words("shared_number");
  return call.network_name ?? words("unknown_caller");
}
