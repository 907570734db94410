import type { DeskState, Pop } from "../core/store";
import { useDoings, useKeysOf } from "./keys";
import { callerName, callerNumber } from "./caller";
import { MyCallsButton, type MyCallsButtonProps } from "./history/MyCallsButton";
import { Since } from "./time";
import { useWords } from "./words";

const ORDER = { claimed: 0, offered: 1, wrapup: 2, closed: 3 } as const;

interface Props {
  state: DeskState;
  /** The call on the stage. */
  stage: string | null;
  onShow: (popId: string) => void;
  myCalls: MyCallsButtonProps;
}

export function PopList({ state, stage, onShow, myCalls }: Props) {
  const words = useWords();
  const pops = [...state.pops].sort(
    (a, b) => ORDER[a.state] - ORDER[b.state] || b.offeredAt - a.offeredAt,
  );
  const at = pops.findIndex((pop) => pop.id === stage);
  const above = pops[at - 1];
  const below = pops[at + 1];
  const go = (pop: Pop | undefined) => () => {
    if (pop) onShow(pop.id);
    return pop !== undefined;
  };
  useDoings({ previous: go(above), next: go(below) });
  return (
    <nav className="list" aria-label={words("calls")}>
      <div className="list-head">
        <h2>{words("calls")}</h2>
        <MyCallsButton {...myCalls} />
      </div>
      {pops.length === 0 && <p className="list-empty">{words("no_calls")}</p>}
      <ul>
        {pops.map((pop) => (
          <li key={pop.id}>
            <Row
              pop={pop}
              shown={pop.id === stage}
              by={pop === above ? "previous" : pop === below ? "next" : null}
              skewMs={state.skewMs}
              onShow={onShow}
            />
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** `by`: the keys that show it. */
function Row(props: {
  pop: Pop;
  shown: boolean;
  by: "previous" | "next" | null;
  skewMs: number;
  onShow: Props["onShow"];
}) {
  const { pop, shown, by, skewMs, onShow } = props;
  const keysOf = useKeysOf();
  const words = useWords();
  const since = pop.state === "offered" ? pop.offeredAt : pop.state === "claimed" ? pop.claimedAt : null;
  const vip = pop.content.segments?.tier === "vip";
  return (
    <button
      type="button"
      className={`row row-${pop.state}`}
      aria-current={shown ? "true" : undefined}
      {...(by ? keysOf(by) : {})}
      onClick={() => onShow(pop.id)}
    >
      <span className="row-top">
        <bdi className="row-name">{callerName(pop.content, words)}</bdi>
        {vip && <span className="mini-vip">{words("tier_vip")}</span>}
      </span>
      <span className="row-number">
        <bdi>{callerNumber(pop.content, words)}</bdi>
      </span>
      <span className="row-state">
        <span className="dot" aria-hidden="true" />
        {stateWord(pop, words)}
        {since !== null && <Since at={since} skewMs={skewMs} />}
      </span>
    </button>
  );
}

export function stateWord(pop: Pop, words: ReturnType<typeof useWords>): string {
  switch (pop.state) {
    case "offered":
      return words("ringing");
    case "claimed":
      return words("on_call");
    case "wrapup":
      return words("wrap_up");
    case "closed":
      return pop.closeReason ? words(pop.closeReason) : words("closed");
  }
}
