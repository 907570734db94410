import { beforeEach, expect, test } from "vitest";
import {
  ACTIONS,
  ariaOf,
  FIRST_CHORDS,
  PAUSE_MS,
  Shortcuts,
  textOf,
  type Pressed,
} from "./shortcuts";

const key = (code: string, more: Partial<Pressed> = {}) => ({
  ctrlKey: true,
  altKey: false,
  shiftKey: true,
  metaKey: false,
  repeat: false,
  code,
  key: "",
  ...more,
});

let kept: Map<string, string>;
let now: number;
let shortcuts: Shortcuts;

const made = () =>
  new Shortcuts(
    {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
      removeItem: (name) => void kept.delete(name),
    },
    () => now,
  );

beforeEach(() => {
  kept = new Map();
  now = 0;
  shortcuts = made();
});

test("keys mean what they mean in any language of the keyboard", () => {
  expect(shortcuts.actionOf(key("KeyA"), false)).toBe("accept");
  expect(shortcuts.actionOf(key("KeyA", { shiftKey: false }), false)).toBeNull();
  expect(shortcuts.actionOf(key("KeyA", { ctrlKey: false }), false)).toBeNull();
  expect(shortcuts.actionOf(key("KeyQ"), false)).toBeNull();
});

test("a slip or a key held down does nothing twice", () => {
  expect(shortcuts.actionOf(key("KeyE"), false)).toBe("hang_up");
  expect(shortcuts.actionOf(key("KeyE"), false)).toBeNull();
  now += PAUSE_MS;
  expect(shortcuts.actionOf(key("KeyE"), false)).toBe("hang_up");
  now += PAUSE_MS;
  expect(shortcuts.actionOf({ ...key("KeyE"), repeat: true }, false)).toBeNull();
});

test("the list of calls is gone through as fast as the keys are pressed", () => {
  const down = key("ArrowDown", { ctrlKey: false, altKey: true });
  expect([1, 2, 3].map(() => shortcuts.actionOf(down, false))).toEqual(["next", "next", "next"]);
});

test("no call is ended from within a field", () => {
  expect(shortcuts.actionOf(key("KeyE"), true)).toBeNull();
  expect(shortcuts.actionOf(key("KeyD"), true)).toBeNull();
  expect(shortcuts.actionOf(key("KeyU"), true)).toBe("mute");
});

test("other keys are kept; bare ones and those in use are refused", () => {
  expect(shortcuts.change("mute", key("KeyM", { ctrlKey: false, altKey: true }))).toEqual({ kind: "changed" });
  expect(shortcuts.change("hold", key("KeyM", { ctrlKey: false, altKey: true }))).toEqual({
    kind: "taken",
    by: "mute",
  });
  expect(shortcuts.change("hold", key("KeyH", { ctrlKey: false }))).toEqual({ kind: "bare" });
  expect(shortcuts.change("hold", key("ControlLeft"))).toEqual({ kind: "bare" });
  shortcuts = made();
  expect(textOf(shortcuts.chords.mute)).toBe("Alt+Shift+M");
  shortcuts.reset();
  expect(made().chords).toEqual(FIRST_CHORDS);
});

test("what was kept and is no such thing is not used", () => {
  for (const text of ["{", "null", '{"mute": {"code": "KeyM"}, "x": 1}', '"x"']) {
    kept.set("switchboard.shortcuts", text);
    expect(made().chords).toEqual(FIRST_CHORDS);
  }
});

test("no two have the same keys at first, and each is told to screen readers", () => {
  expect(new Set(ACTIONS.map((action) => textOf(FIRST_CHORDS[action]))).size).toBe(ACTIONS.length);
  expect(ACTIONS.map((action) => made().rivalOf(action))).toEqual(ACTIONS.map(() => null));
  expect(ariaOf(FIRST_CHORDS.accept)).toBe("Control+Shift+A");
  expect(ariaOf(FIRST_CHORDS.next)).toBe("Alt+Shift+ArrowDown");
  expect(textOf(FIRST_CHORDS.next)).toBe("Alt+Shift+↓");
});

test("keys chosen before a new action had them stay with the old one, and that is told", () => {
  const chord = FIRST_CHORDS.note;
  kept.set("switchboard.shortcuts", JSON.stringify({ mute: chord }));
  shortcuts = made();
  expect(shortcuts.rivalOf("note")).toBe("mute");
  expect(shortcuts.rivalOf("mute")).toBeNull();
  expect(shortcuts.actionOf({ ...key("KeyN"), ...chord, ctrlKey: false, altKey: true }, false)).toBe("mute");
});

test("a question mark asks for help, except while typing or where it is switched off", () => {
  const asked = key("Minus", { ctrlKey: false, key: "?" });
  expect(shortcuts.actionOf(asked, false)).toBe("help");
  expect(shortcuts.actionOf(asked, true)).toBeNull();
  expect(shortcuts.actionOf(key("Minus", { ctrlKey: false, key: "_" }), false)).toBeNull();
  now += PAUSE_MS;
  shortcuts.useQuestionMark(false);
  expect(made().actionOf(asked, false)).toBeNull();
  const chord = key("KeyH", { ctrlKey: false, altKey: true });
  expect(made().actionOf(chord, true)).toBe("help");
  shortcuts.reset();
  expect(made().actionOf(asked, false)).toBe("help");
});

test("what is on the screen does it, and what is not leaves the key to the browser", () => {
  const did: string[] = [];
  const chord = key("KeyN", { ctrlKey: false, altKey: true });
  const pressed = () => ((now += PAUSE_MS), shortcuts.press(chord, true));
  expect(pressed()).toBe(false);
  const leave = shortcuts.handle({ note: () => did.push("note") > 0, finish: () => false });
  expect(pressed()).toBe(true);
  expect(shortcuts.press(key("KeyF", { ctrlKey: false, altKey: true }), false)).toBe(false);
  leave();
  expect(pressed()).toBe(false);
  expect(did).toEqual(["note"]);
});

test("nothing is done to what is below something that stands over the page", () => {
  let did = 0;
  shortcuts.handle({ accept: () => ++did > 0 });
  const pressed = () => ((now += PAUSE_MS), shortcuts.press(key("KeyA"), false));
  const leave = shortcuts.cover();
  expect(pressed()).toBe(false);
  leave();
  expect(pressed()).toBe(true);
  expect(did).toBe(1);
});

test("whoever shows the keys is told when they change", () => {
  let told = 0;
  const leave = shortcuts.subscribe(() => (told += 1));
  shortcuts.change("mute", key("KeyG"));
  shortcuts.reset();
  leave();
  shortcuts.change("mute", key("KeyG"));
  expect(told).toBe(2);
});
