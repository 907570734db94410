/** Whether the agent's own calls are on the stage: a call that rings takes it, until it is over. */

import type { Pop } from "../store";

export interface Place {
  /** The agent opened them, and has not closed them. */
  readonly open: boolean;
  /** The calls that rang meanwhile and are not over. */
  readonly coveredBy: readonly string[];
}

export const CLOSED: Place = { open: false, coveredBy: [] };

export function isSeen(place: Place): boolean {
  return place.open && place.coveredBy.length === 0;
}

/** Whatever call is on goes aside, except those that ring. */
export function opened(pops: readonly Pop[]): Place {
  return { open: true, coveredBy: pops.filter(rings).map((pop) => pop.id) };
}

export function heeding(place: Place, pops: readonly Pop[]): Place {
  if (!place.open) return place;
  const covering = pops.filter(
    (pop) => rings(pop) || (pop.state !== "closed" && place.coveredBy.includes(pop.id)),
  );
  const ids = covering.map((pop) => pop.id);
  return ids.join() === place.coveredBy.join() ? place : { ...place, coveredBy: ids };
}

function rings(pop: Pop): boolean {
  return pop.state === "offered";
}
