/** The agent's own calls without a screen: a list that grows, a search, and one call in full. */

import type { PastCall, PastCallPage, PastCallTold } from "../protocol.gen";
import type { Pop } from "../store";
import { Gone, type Asked } from "./api";
import { CLOSED, heeding, isSeen, opened, type Place } from "./place";

export interface HistoryPorts {
  list(asked: Asked): Promise<PastCallPage>;
  read(popId: string): Promise<PastCallTold>;
  later(ms: number, run: () => void): () => void;
}

export interface ShownCard {
  readonly popId: string;
  readonly told: PastCallTold | null;
  readonly failed: "away" | "gone" | null;
}

export interface HistoryState {
  readonly place: Place;
  /** As it is typed; what is listed follows a moment later. */
  readonly query: string;
  /** Newest first; null until the first answer. */
  readonly calls: readonly PastCall[] | null;
  readonly next: string | null;
  /** How far back the search behind `calls` looked. */
  readonly since: number | null;
  readonly busy: "list" | "more" | null;
  readonly failed: boolean;
  readonly card: ShownCard | null;
  /** How far down the list was looked at, in pixels. */
  readonly scroll: number;
}

/** From the last letter typed to the question. */
export const QUIET_MS = 250;
/** From a call that changed to the list read again: the server stores behind the sending. */
export const STORED_MS = 600;

const NOTHING: HistoryState = {
  place: CLOSED,
  query: "",
  calls: null,
  next: null,
  since: null,
  busy: null,
  failed: false,
  card: null,
  scroll: 0,
};

export class History {
  private state = NOTHING;
  private readonly listeners = new Set<() => void>();
  private pops: readonly Pop[] = [];
  private told = "";
  /** The search behind what is listed; `query` may have been typed further since. */
  private asked = "";
  /** Counts the questions: an answer to an older one is dropped. */
  private round = 0;
  private stopWaiting: () => void = () => undefined;
  private stopRefresh: () => void = () => undefined;

  constructor(private readonly ports: HistoryPorts) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): HistoryState => this.state;

  /** To be told of the calls on the screen as they change. */
  heed(pops: readonly Pop[]): void {
    this.pops = pops;
    const place = heeding(this.state.place, pops);
    if (place !== this.state.place) this.set({ place });
    const told = pops.map((pop) => `${pop.id} ${pop.state}`).join();
    if (told === this.told) return;
    this.told = told;
    this.refreshSoon();
  }

  /** Somebody else may log in next. */
  forget(): void {
    this.stopWaiting();
    this.stopRefresh();
    this.round += 1;
    this.set(NOTHING);
  }

  open(): void {
    this.set({ place: opened(this.pops) });
    if (this.state.calls === null) void this.ask();
    else this.refreshSoon();
  }

  close(): void {
    this.set({ place: CLOSED });
  }

  toggle(): void {
    if (isSeen(this.state.place)) this.close();
    else this.open();
  }

  type(query: string): void {
    this.stopWaiting();
    this.set({ query });
    this.stopWaiting = this.ports.later(QUIET_MS, () => void this.ask());
  }

  /** Reads the list anew, as it was asked for; without waiting for more letters. */
  async ask(): Promise<void> {
    this.stopWaiting();
    const round = ++this.round;
    this.asked = this.state.query.trim();
    this.set({ busy: "list", failed: false });
    const page = await this.answer(round, null);
    if (page) this.set({ ...page, busy: null, scroll: 0 });
  }

  async more(): Promise<void> {
    const { next, busy } = this.state;
    if (next === null || busy !== null) return;
    const round = ++this.round;
    this.set({ busy: "more", failed: false });
    const page = await this.answer(round, next);
    if (page) this.set({ busy: null, next: page.next, calls: joined(this.state.calls, page.calls) });
  }

  async show(popId: string): Promise<void> {
    this.set({ card: { popId, told: null, failed: null } });
    let card: ShownCard;
    try {
      card = { popId, told: await this.ports.read(popId), failed: null };
    } catch (error) {
      card = { popId, told: null, failed: error instanceof Gone ? "gone" : "away" };
    }
    if (this.state.card?.popId === popId) this.set({ card });
  }

  back(): void {
    this.set({ card: null });
  }

  keepScroll(scroll: number): void {
    this.state = { ...this.state, scroll };
  }

  private refreshSoon(): void {
    this.stopRefresh();
    if (this.state.place.open) {
      this.stopRefresh = this.ports.later(STORED_MS, () => void this.refresh());
    }
  }

  /** Puts what is new before what is shown, and leaves the rest where it is. */
  private async refresh(): Promise<void> {
    const { calls, busy } = this.state;
    if (calls === null || busy !== null || !isSeen(this.state.place)) return;
    const round = this.round;
    try {
      const page = await this.ports.list({ q: this.asked, before: null });
      if (round !== this.round) return;
      this.set(withNewest(calls, this.state.next, page));
    } catch {
      // What is shown stays; the next question says so if the server is away.
    }
  }

  private async answer(round: number, before: string | null): Promise<PastCallPage | null> {
    try {
      const page = await this.ports.list({ q: this.asked, before });
      return round === this.round ? page : null;
    } catch {
      if (round === this.round) this.set({ busy: null, failed: true });
      return null;
    }
  }

  private set(change: Partial<HistoryState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

function joined(
  calls: readonly PastCall[] | null,
  more: readonly PastCall[],
): readonly PastCall[] {
  const known = new Set(calls?.map((call) => call.pop_id));
  return [...(calls ?? []), ...more.filter((call) => !known.has(call.pop_id))];
}

/** Where more has come than a page holds, the page alone: no gap is ever shown. */
export function withNewest(
  calls: readonly PastCall[],
  next: string | null,
  page: PastCallPage,
): Pick<HistoryState, "calls" | "next"> {
  const anew = new Set(page.calls.map((call) => call.pop_id));
  const meet = page.next === null || calls.some((call) => anew.has(call.pop_id));
  if (!meet) return { calls: page.calls, next: page.next };
  return { calls: joined(page.calls, calls), next: page.next === null ? null : next };
}
