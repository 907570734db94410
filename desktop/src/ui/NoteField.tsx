import { useEffect, useRef, type RefObject } from "react";
import type { Desk } from "../core/desk";
import { useDoings, useKeysOf } from "./keys";
import { useWords } from "./words";

interface Props {
  desk: Desk;
  popId: string;
  note: string;
  onNote: (note: string) => void;
}

const QUIET_MS = 700;

/** Kept on the server a moment after the agent stops typing, and when the field goes away; `sent`
 * where the note went along with something else. */
export function useKeptNote(
  desk: Desk,
  popId: string,
  note: string,
  onNote: (note: string) => void,
): { typed(text: string): void; sent(): void } {
  const unsaved = useRef<string | null>(null);
  useEffect(() => {
    if (unsaved.current === null) return;
    const timer = setTimeout(() => {
      unsaved.current = null;
      desk.note(popId, note);
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [desk, popId, note]);
  useEffect(
    () => () => {
      if (unsaved.current !== null) desk.note(popId, unsaved.current);
    },
    [desk, popId],
  );
  return {
    typed(text) {
      unsaved.current = text;
      onNote(text);
    },
    sent() {
      unsaved.current = null;
    },
  };
}

/** To be given to the field of the note that is on the screen. */
export function useNoteKeys(): RefObject<HTMLTextAreaElement | null> {
  const field = useRef<HTMLTextAreaElement>(null);
  useDoings({
    note: () => {
      field.current?.focus();
      return field.current !== null;
    },
  });
  return field;
}

export function NoteField({ desk, popId, note, onNote }: Props) {
  const words = useWords();
  const kept = useKeptNote(desk, popId, note, onNote);
  const field = useNoteKeys();
  const keysOf = useKeysOf();
  return (
    <section className="panel note">
      <label>
        <span className="label">{words("note")}</span>
        <textarea
          ref={field}
          {...keysOf("note")}
          rows={3}
          maxLength={2000}
          value={note}
          aria-describedby={`note-hint-${popId}`}
          onChange={(event) => kept.typed(event.target.value)}
        />
      </label>
      <p className="faint" id={`note-hint-${popId}`}>
        {words("note_hint")}
      </p>
    </section>
  );
}
