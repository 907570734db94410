/** The ports of a real page, and what the history is told of it. */

import type { Desk } from "../desk";
import { listCalls, readCall } from "./api";
import { History } from "./history";

export function pageHistory(desk: Desk): History {
  const history = new History({
    list: listCalls,
    read: readCall,
    later: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
  let agent: string | null = null;
  desk.subscribe(() => {
    const { link, desk: state } = desk.snapshot();
    const now = link.kind === "signed_out" ? null : (state.agent?.login ?? agent);
    if (now !== agent) history.forget();
    agent = now;
    history.heed(state.pops);
  });
  return history;
}
