import { useEffect, useId, useLayoutEffect, useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import type { Translate } from "../core/i18n";
import type { Colleague } from "../core/protocol.gen";
import { isFree, keyOf, targets, type Target } from "../core/transfer";
import type { TransferProps } from "./TransferBox";
import { useWords } from "./words";

/** What is pressed twice within this is a slip; a refusal is told long before. */
const SETTLES_MS = 3000;

/** Whom, and how. Typing narrows the list; the arrow keys go on from the field into it. */
export function TransferChooser(props: TransferProps & { onClose: () => void }) {
  const { desk, state, pop, note, online, onClose } = props;
  const words = useWords();
  const [typed, setTyped] = useState("");
  const [picked, setPicked] = useState<string | null>(null);
  const [settling, setSettling] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLFieldSetElement>(null);
  const name = useId();
  const found = targets(state, state.agent?.login ?? "", typed);
  // Who is left alone by what was typed need not be picked as well.
  const only = typed.trim() && found.length === 1 ? found[0] : undefined;
  const target = found.find((one) => keyOf(one) === picked) ?? only;
  const ready = online && !settling && target !== undefined;

  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => setSettling(false), [state.notices]);
  useEffect(() => {
    if (!settling) return;
    const timer = setTimeout(() => setSettling(false), SETTLES_MS);
    return () => clearTimeout(timer);
  }, [settling]);

  function go(how: "blind" | "attended") {
    if (!ready) return;
    setSettling(true);
    desk.transfer(pop.id, target, how, note);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (target?.kind !== "queue") go("attended");
  }

  function keys(event: KeyboardEvent) {
    if (event.key === "Escape") {
      event.preventDefault();
      onClose();
    } else if (event.key === "ArrowDown" && event.target === field.current) {
      event.preventDefault();
      const radios = list.current?.querySelectorAll("input");
      const [first] = [...(radios ?? [])];
      first?.focus();
      first?.click();
    }
  }

  return (
    <form className="transfer-body" onSubmit={submit} onKeyDown={keys}>
      <label>
        <span className="label">{words("transfer_whom")}</span>
        <input
          ref={field}
          type="text"
          autoComplete="off"
          maxLength={40}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setPicked(null);
          }}
        />
      </label>
      <fieldset className="transfer-list" ref={list}>
        <legend className="unseen">{words("transfer_whom")}</legend>
        {found.map((one) => {
          const key = keyOf(one);
          return (
            <label key={key} className="transfer-target">
              <input
                type="radio"
                name={name}
                value={key}
                checked={one === target}
                onChange={() => setPicked(key)}
              />
              <TargetWords target={one} />
            </label>
          );
        })}
        {found.length === 0 && <p className="faint">{words("transfer_nobody")}</p>}
      </fieldset>
      <p className="unseen" role="status">
        {typed.trim() && words("transfer_found", { count: found.length })}
      </p>
      <div className="transfer-buttons">
        <button type="submit" className="primary" disabled={!ready || target.kind === "queue"}>
          {words("transfer_ask")}
        </button>
        <button type="button" disabled={!ready} onClick={() => go("blind")}>
          {words("transfer_now")}
        </button>
      </div>
    </form>
  );
}

function TargetWords({ target }: { target: Target }) {
  const words = useWords();
  if (target.kind === "colleague") {
    const { colleague } = target;
    return (
      <>
        <bdi className="transfer-name">{colleague.name}</bdi>
        <span className={`transfer-state ${isFree(colleague) ? "transfer-free" : ""}`}>
          <span className="dot" aria-hidden="true" />
          {stateOf(colleague, words)}
        </span>
      </>
    );
  }
  const isQueue = target.kind === "queue";
  return (
    <>
      <bdi className="transfer-name">{isQueue ? target.name : target.number}</bdi>
      <span className="transfer-state">{words(isQueue ? "queue" : "number")}</span>
    </>
  );
}

/** What they are doing, else what they chose. */
function stateOf({ state, activity }: Colleague, words: Translate): string {
  if (activity !== "idle" && activity !== "missed") return words(`activity_${activity}`);
  return words(state ?? "transfer_unknown");
}
