import { expect, test } from "vitest";
import type { CallTold } from "./api";
import { reachable } from "./outgoing";
import { grown, type Step } from "./steps";

const TOLD: CallTold = {
  stage: "menu",
  name: null,
  tier: null,
  menu: null,
  chosen: null,
  queue: null,
  agents: [],
};
const code = (_family: string, name: string) => name;
const words = (steps: readonly Step[]) => steps.map((step) => step.word);

test("a known caller's way is told once each, however often it is looked at", () => {
  const looks: CallTold[] = [
    TOLD,
    { ...TOLD, name: "Maria Garcia", menu: "main" },
    { ...TOLD, name: "Maria Garcia", menu: "main", chosen: "agent" },
    { ...TOLD, name: "Maria Garcia", menu: "main", chosen: "agent", stage: "ringing", queue: "support", agents: ["dora"] },
    { ...TOLD, name: "Maria Garcia", menu: "main", chosen: "agent", stage: "talking", queue: "support", agents: ["dora"] },
  ];
  const told = looks.flatMap((look) => [look, look]);
  const steps = told.reduce<readonly Step[]>((sum, look) => grown(sum, look, false, code), []);
  expect(words(steps)).toEqual([
    "cp_step_known",
    "cp_step_menu",
    "cp_step_chosen",
    "cp_step_queue",
    "cp_step_agent",
    "cp_step_agent_talks",
  ]);
});

test("nobody is named a stranger before the server has looked", () => {
  expect(grown([], TOLD, false, code)).toEqual([]);
  expect(words(grown([], { ...TOLD, menu: "main" }, false, code))[0]).toBe("cp_step_stranger");
  expect(words(grown([], { ...TOLD, stage: "queue" }, true, code))).toEqual(["cp_step_withheld"]);
});

test("another menu is another step", () => {
  const first = grown([], { ...TOLD, menu: "main" }, false, code);
  expect(grown(first, { ...TOLD, menu: "billing" }, false, code)).toHaveLength(3);
});

test("a browser that hides its addresses is neither unreachable nor on hold", () => {
  const name = "1a01dfeb-a4af-4cd6-a848-3246fa87a819.local";
  const sdp = `c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:9 1 udp 21 ${name} 33197 typ host\r\n`;
  expect(reachable(sdp)).toBe(
    "c=IN IP4 127.0.0.1\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:9 1 udp 21 127.0.0.1 33197 typ host\r\n",
  );
  const plain = "c=IN IP4 192.0.2.7\r\na=candidate:9 1 udp 21 192.0.2.7 33197 typ host\r\n";
  expect(reachable(plain)).toBe(plain);
});
