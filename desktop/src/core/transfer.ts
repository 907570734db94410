/** To whom a call can be given: colleagues, queues, and a number that is typed. */

import type { CallTransfer, Colleague } from "./protocol.gen";

export type Target =
  | { readonly kind: "colleague"; readonly colleague: Colleague }
  | { readonly kind: "queue"; readonly name: string }
  | { readonly kind: "number"; readonly number: string };

export interface Directory {
  readonly colleagues: readonly Colleague[];
  readonly queues: readonly string[];
}

/** What people type among the digits of a number. */
const BETWEEN = /[\s()./-]/g;

/** Whoever fits what was typed: those who are free first, then by name; queues and a number last. */
export function targets(directory: Directory, me: string, typed: string): readonly Target[] {
  const wanted = typed.trim().toLocaleLowerCase();
  const fits = (...names: string[]) =>
    names.some((name) => name.toLocaleLowerCase().includes(wanted));
  const colleagues = directory.colleagues
    .filter((one) => one.login !== me && fits(one.name, one.login))
    .sort((a, b) => Number(isFree(b)) - Number(isFree(a)) || a.name.localeCompare(b.name));
  const number = typed.replace(BETWEEN, "");
  return [
    ...(/^[0-9]+$/.test(number) ? [{ kind: "number", number } as const] : []),
    ...colleagues.map((colleague) => ({ kind: "colleague", colleague }) as const),
    ...directory.queues.filter((name) => fits(name)).map((name) => ({ kind: "queue", name }) as const),
  ];
}

export function isFree(colleague: Colleague): boolean {
  return colleague.state === "available" && colleague.activity === "idle";
}

/** The same for the same target, whatever is told of it meanwhile. */
export function keyOf(target: Target): string {
  switch (target.kind) {
    case "colleague":
      return `colleague ${target.colleague.login}`;
    case "queue":
      return `queue ${target.name}`;
    case "number":
      return `number ${target.number}`;
  }
}

export function asFrame(popId: string, target: Target, how: "blind" | "attended"): CallTransfer {
  const frame = { kind: "call.transfer", pop_id: popId, how } as const;
  switch (target.kind) {
    case "colleague":
      return { ...frame, target: target.colleague.login, to: "phone" };
    case "queue":
      return { ...frame, target: target.name, to: "queue" };
    case "number":
      return { ...frame, target: target.number, to: "phone" };
  }
}
