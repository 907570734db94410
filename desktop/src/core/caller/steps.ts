/** What became of a call, as a list that only grows. */

import type { Word } from "../messages";
import type { CallTold } from "./api";

export interface Step {
  readonly word: Word;
  readonly filled: Readonly<Record<string, string>>;
}

const step = (word: Word, filled: Record<string, string> = {}): Step => ({ word, filled });

/** What `told` adds to `steps`; a step that is the newest of its kind already is not told again. */
export function grown(
  steps: readonly Step[],
  told: CallTold,
  withheld: boolean,
  code: (family: string, name: string) => string,
): readonly Step[] {
  const wanted: Step[] = [];
  if (told.name !== null) {
    wanted.push(
      told.tier !== null
        ? step("cp_step_tier", { name: told.name, tier: code("tier", told.tier) })
        : step("cp_step_known", { name: told.name }),
    );
  } else if (told.menu !== null || told.stage !== "menu") {
    wanted.push(step(withheld ? "cp_step_withheld" : "cp_step_stranger"));
  }
  if (told.menu !== null) wanted.push(step("cp_step_menu", { menu: code("menu", told.menu) }));
  if (told.chosen !== null) {
    wanted.push(step("cp_step_chosen", { chosen: code("intent", told.chosen) }));
  }
  if (told.queue !== null) wanted.push(step("cp_step_queue", { queue: code("queue", told.queue) }));
  const agents = told.agents.join(", ");
  if (told.stage === "ringing" && agents) wanted.push(step("cp_step_agent", { agents }));
  if (told.stage === "talking" && agents) wanted.push(step("cp_step_agent_talks", { agents }));
  if (told.stage === "outside") wanted.push(step("cp_step_outside"));
  return wanted.reduce(appended, steps);
}

export function appended(steps: readonly Step[], next: Step): readonly Step[] {
  const newest = steps.filter((one) => one.word === next.word).at(-1);
  return newest && same(newest, next) ? steps : [...steps, next];
}

function same(one: Step, other: Step): boolean {
  return JSON.stringify(one.filled) === JSON.stringify(other.filled);
}
