import type { Desk } from "../core/desk";
import { clock } from "../core/format";
import type { DayCounts } from "../core/protocol.gen";
import type { DeskState } from "../core/store";
import { Since } from "./time";
import { useWords } from "./words";

/** What the agent is doing, which their calls say, and what they will be afterwards. */
export function Activity({ desk, state }: { desk: Desk; state: DeskState }) {
  const words = useWords();
  const { activity, activity_since: since, next } = state.status;
  return (
    <>
      {activity !== "idle" && (
        <span className={`activity activity-${activity}`} data-testid="activity">
          <span className="dot" aria-hidden="true" />
          {words(`activity_${activity}`)}
          {since !== null && <Since at={since} skewMs={state.skewMs} />}
        </span>
      )}
      <span className="next-place" role="status">
        {next && (
          <span className="next" data-testid="next-state">
            {words("next_state", { state: words(next.state) })}
            <button type="button" onClick={() => desk.chooseState(state.status.state)}>
              {words("cancel_next")}
            </button>
          </span>
        )}
      </span>
    </>
  );
}

export function Today({ day }: { day: DayCounts }) {
  const words = useWords();
  return (
    <dl className="today" aria-label={words("today")} data-testid="today">
      <Count name={words("day_answered")} value={`${day.answered}/${day.offered}`} />
      <Count name={words("day_missed")} value={String(day.missed)} />
      <Count name={words("day_talk")} value={clock(day.talk_s * 1000)} />
      <Count name={words("day_wrapup")} value={clock(day.wrapup_s * 1000)} />
    </dl>
  );
}

function Count({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** An agent who let a call ring gets no more until they say that they are back. */
export function MissedCall({ desk, state }: { desk: Desk; state: DeskState }) {
  const words = useWords();
  const { activity, misses } = state.status;
  if (activity !== "missed") return null;
  return (
    <div className="notice notice-missed" data-testid="missed-call">
      <span>{misses > 1 ? words("missed_calls", { count: misses }) : words("missed_call")}</span>
      <button type="button" onClick={() => desk.chooseState("available")}>
        {words("available_again")}
      </button>
    </div>
  );
}
