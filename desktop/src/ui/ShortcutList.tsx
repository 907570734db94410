import { useState, type KeyboardEvent } from "react";
import { ACTIONS, textOf, type Action, type Change, type Shortcuts } from "../core/shortcuts";
import { useWords } from "./words";

export function ShortcutList({ shortcuts }: { shortcuts: Shortcuts }) {
  const words = useWords();
  const [chords, setChords] = useState(shortcuts.chords);
  const [changing, setChanging] = useState<Action | null>(null);
  const [refused, setRefused] = useState<Exclude<Change, "changed"> | null>(null);

  function press(event: KeyboardEvent, action: Action) {
    if (changing !== action || /^(Control|Shift|Alt|Meta|Tab)/.test(event.code)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.code === "Escape") {
      setChanging(null);
      return;
    }
    const change = shortcuts.change(action, event);
    setRefused(change === "changed" ? null : change);
    if (change !== "changed") return;
    setChords(shortcuts.chords);
    setChanging(null);
  }

  return (
    <div className="shortcut-list">
      <p className="faint">{words("shortcuts_text")}</p>
      <ul>
        {ACTIONS.map((action) => (
          <li key={action}>
            <span>{words(`call_${action}`)}</span>
            <button
              type="button"
              aria-label={`${words("shortcuts_change")}: ${words(`call_${action}`)}, ${textOf(chords[action])}`}
              onClick={() => {
                setRefused(null);
                setChanging(changing === action ? null : action);
              }}
              onKeyDown={(event) => press(event, action)}
              onBlur={() => setChanging(null)}
            >
              {changing === action ? words("shortcuts_press") : textOf(chords[action])}
            </button>
          </li>
        ))}
      </ul>
      <p className="faint" role="status">
        {refused && words(`shortcuts_${refused}`)}
      </p>
      <button
        type="button"
        className="quiet"
        onClick={() => {
          shortcuts.reset();
          setChords(shortcuts.chords);
        }}
      >
        {words("shortcuts_reset")}
      </button>
    </div>
  );
}
