/** The keys of the page: who shows them, and who does what they ask for. */

import { createContext, useContext, useLayoutEffect, useSyncExternalStore } from "react";
import type { Word } from "../core/messages";
import { ariaOf, Shortcuts, textOf, type Action, type Doing } from "../core/shortcuts";

export const Keys = createContext<Shortcuts | null>(null);

export const ACTION_WORDS: Readonly<Record<Action, Word>> = {
  accept: "call_accept",
  decline: "call_decline",
  mute: "call_mute",
  hold: "call_hold",
  keypad: "call_keypad",
  transfer: "call_transfer",
  hang_up: "call_hang_up",
  state: "key_state",
  note: "key_note",
  follow_up: "key_follow_up",
  finish: "key_finish",
  crm: "open_crm",
  previous: "key_previous",
  next: "key_next",
  my_calls: "my_calls",
  help: "shortcuts",
  recording: "key_recording",
};

function useShortcuts(): Shortcuts {
  const shortcuts = useContext(Keys);
  if (!shortcuts) throw new Error("no keys are given");
  return shortcuts;
}

/** For the control that does it: told by a pointer, and to screen readers. */
export function useKeysOf(): (action: Action) => { title: string; "aria-keyshortcuts": string } {
  const shortcuts = useShortcuts();
  const chords = useSyncExternalStore(shortcuts.subscribe, shortcuts.snapshot);
  return (action) => ({
    title: textOf(chords[action]),
    "aria-keyshortcuts": ariaOf(chords[action]),
  });
}

/** While it is on the screen; as it was last drawn, from the moment that it can be seen. */
export function useDoings(doings: Partial<Record<Action, Doing>>): void {
  const shortcuts = useShortcuts();
  useLayoutEffect(() => shortcuts.handle(doings));
}

/** Once in a page. */
export function useKeyboard(shortcuts: Shortcuts): void {
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (shortcuts.press(event, isTyping(event.target))) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [shortcuts]);
}

function isTyping(target: EventTarget | null): boolean {
  const fields = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select";
  return target instanceof Element && target.matches(fields);
}
