/** Nothing in the pages is dragged, so nothing needs another way to be moved (WCAG 2.5.7). What a
 * browser draws itself, as the corner of a text field, is its own. */

import { expect, test } from "vitest";

const sources = import.meta.glob<string>(["../**/*.{ts,tsx,css}", "!../**/*.test.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const DRAGGED = /draggable|\bondrag|dragstart|(pointer|mouse|touch)move|on(Pointer|Mouse|Touch)(Down|Move|Start)/i;

test("nothing is dragged", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(60);
  expect(Object.keys(sources).filter((name) => DRAGGED.test(sources[name] ?? ""))).toEqual([]);
});
