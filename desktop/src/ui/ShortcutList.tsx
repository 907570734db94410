import { useState, useSyncExternalStore, type KeyboardEvent } from "react";
import {
  DESK_ACTIONS,
  PHONE_ACTIONS,
  textOf,
  type Action,
  type Change,
  type Shortcuts,
} from "../core/shortcuts";
import { ACTION_WORDS } from "./keys";
import { useWords } from "./words";

type Refusal = Exclude<Change, { kind: "changed" }>;

/** All keys, each to be changed; the phone's only for who has it in the page. */
export function ShortcutList({ shortcuts, phone }: { shortcuts: Shortcuts; phone: boolean }) {
  const words = useWords();
  useSyncExternalStore(shortcuts.subscribe, shortcuts.snapshot);
  const [changing, setChanging] = useState<Action | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const group = (title: string, actions: readonly Action[]) => (
    <section>
      <h3>{title}</h3>
      <ul>
        {actions.map((action) => (
          <Row
            key={action}
            shortcuts={shortcuts}
            action={action}
            changing={changing === action}
            onChanging={(on) => setChanging(on ? action : null)}
            onRefusal={setRefusal}
          />
        ))}
      </ul>
    </section>
  );
  return (
    <div className="shortcut-list">
      <p className="faint">{words("shortcuts_text")}</p>
      {group(words("shortcuts_desk"), DESK_ACTIONS)}
      {phone && group(words("phone"), PHONE_ACTIONS)}
      <p className="faint" role="status">
        {refusal?.kind === "bare" && words("shortcuts_bare")}
        {refusal?.kind === "taken" && words("shortcuts_taken", { action: words(ACTION_WORDS[refusal.by]) })}
      </p>
      <label className="shortcut-question">
        <input
          type="checkbox"
          checked={shortcuts.questionMark}
          onChange={(event) => shortcuts.useQuestionMark(event.target.checked)}
        />
        {words("shortcuts_question")}
      </label>
      <button type="button" className="quiet" onClick={() => shortcuts.reset()}>
        {words("shortcuts_reset")}
      </button>
    </div>
  );
}

function Row(props: {
  shortcuts: Shortcuts;
  action: Action;
  changing: boolean;
  onChanging: (on: boolean) => void;
  onRefusal: (refusal: Refusal | null) => void;
}) {
  const { shortcuts, action, changing } = props;
  const words = useWords();
  const name = words(ACTION_WORDS[action]);
  const keys = textOf(shortcuts.chords[action]);
  const rival = shortcuts.rivalOf(action);

  function press(event: KeyboardEvent) {
    if (!changing || /^(Control|Shift|Alt|Meta|Tab)/.test(event.code)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.code === "Escape") {
      props.onChanging(false);
      return;
    }
    const change = shortcuts.change(action, event);
    props.onRefusal(change.kind === "changed" ? null : change);
    if (change.kind === "changed") props.onChanging(false);
  }

  return (
    <li>
      <span>
        {name}
        {rival && (
          <span className="shortcut-rival">
            {words("shortcuts_taken", { action: words(ACTION_WORDS[rival]) })}
          </span>
        )}
      </span>
      <button
        type="button"
        aria-label={`${words("shortcuts_change")}: ${name}, ${changing ? words("shortcuts_press") : keys}`}
        onClick={() => {
          props.onRefusal(null);
          props.onChanging(!changing);
        }}
        onKeyDown={press}
        onBlur={() => changing && props.onChanging(false)}
      >
        {changing ? words("shortcuts_press") : keys}
      </button>
    </li>
  );
}
