import { expect, test } from "vitest";
import { clock, day, link, money, phone, words } from "./format";
import { translator } from "./i18n";
import { MESSAGES } from "./messages";

test("clock", () => {
  expect([0, 59_999, 60_000, 3_723_000, -5].map(clock)).toEqual([
    "0:00", "0:59", "1:00", "1:02:03", "0:00",
  ]);
});

test("money survives a currency nobody knows and an amount that is none", () => {
  expect(money("1249.00", "USD", "en")).toBe("$1,249.00");
  expect(money("12", "<b>", "en")).toBe("12 <b>");
  expect(money("many", "USD", "en")).toBe("many USD");
});

test("days", () => {
  expect(day("2026-03-02", "en")).toBe("Mar 2, 2026");
  expect(day("never", "en")).toBe("never");
});

test("numbers are grouped only where we know how", () => {
  expect(phone("+12025550101")).toBe("+1 202 555 0101");
  expect(phone("+8613800138000")).toBe("+8613800138000");
  expect(phone("<script>")).toBe("<script>");
});

test("only web addresses can be clicked", () => {
  expect(link("https://crm.example/1")).toBe("https://crm.example/1");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "//x", "", null]) {
    expect(link(bad)).toBeNull();
  }
});

test("codes: translated where known, readable where not, never a property of an object", () => {
  const en = translator("en");
  expect(en.code("tier", "vip")).toBe("VIP");
  expect(en.code("intent", "where_is_my_order")).toBe("Where is my order");
  expect(translator("zh").code("lifecycle", "at_risk")).toBe("有流失风险");
  expect(en.code("__proto__", "constructor")).toBe("Constructor");
  expect(words("__proto__")).toBe("Proto");
  expect(en("incoming", { who: "{queue}", queue: "q" })).toBe("Incoming call: {queue}, queue q");
});

test("both languages fill in the same things", () => {
  const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((hole) => hole[1]).sort();
  for (const [word, text] of Object.entries(MESSAGES.en)) {
    expect(holes(MESSAGES.zh[word as keyof typeof MESSAGES.zh]), word).toEqual(holes(text));
  }
});
