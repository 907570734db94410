import { beforeEach, expect, test } from "vitest";
import { FIRST_CHORDS, PAUSE_MS, Shortcuts, textOf, type Pressed } from "./shortcuts";

const key = (code: string, more: Partial<Pressed> = {}) => ({
  ctrlKey: true,
  altKey: false,
  shiftKey: true,
  metaKey: false,
  repeat: false,
  code,
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

test("no call is ended from within a field", () => {
  expect(shortcuts.actionOf(key("KeyE"), true)).toBeNull();
  expect(shortcuts.actionOf(key("KeyD"), true)).toBeNull();
  expect(shortcuts.actionOf(key("KeyU"), true)).toBe("mute");
});

test("other keys are kept; bare ones and those in use are refused", () => {
  expect(shortcuts.change("mute", key("KeyM", { ctrlKey: false, altKey: true }))).toBe("changed");
  expect(shortcuts.change("hold", key("KeyM", { ctrlKey: false, altKey: true }))).toBe("taken");
  expect(shortcuts.change("hold", key("KeyH", { ctrlKey: false }))).toBe("bare");
  expect(shortcuts.change("hold", key("ControlLeft"))).toBe("bare");
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
