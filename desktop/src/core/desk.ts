/** The desktop without a screen: socket, state and what the agent can do. */

import * as api from "./api";
import { Opener, pagePorts } from "./opener";
import { afterPaint } from "./paint";
import { Watch } from "./presence";
import { PROTOCOL_VERSION, type AgentState, type OfferSaid, type ServerFrame } from "./protocol.gen";
import { AgentSocket, type Link, type Wire } from "./socket";
import {
  apply,
  dismissNotice,
  EMPTY,
  isKnown,
  noticed,
  show,
  transferring,
  type DeskState,
} from "./store";
import { asFrame, type Target } from "./transfer";

const RELOADED_FOR = "switchboard.reloaded_for";

/** Once for each version of this page: where the reload brings the same one, it waits. */
function reloadOnce(): void {
  if (sessionStorage.getItem(RELOADED_FOR) === String(PROTOCOL_VERSION)) return;
  sessionStorage.setItem(RELOADED_FOR, String(PROTOCOL_VERSION));
  location.reload();
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

export interface Desktop {
  readonly link: Link;
  readonly desk: DeskState;
}

export class Desk {
  private current: Desktop = { link: { kind: "connecting" }, desk: EMPTY };
  private readonly listeners = new Set<() => void>();
  private readonly socket: AgentSocket;
  private readonly opener = new Opener(pagePorts());
  private readonly watch = new Watch({ send: (frame) => this.socket.send(frame), later });

  constructor() {
    this.socket = new AgentSocket({
      ticket: api.ticket,
      open: (ticket, lastSeq) => new WebSocket(api.socketAddress(ticket, lastSeq)) as Wire,
      lastSeq: () => this.current.desk.lastSeq,
      onFrame: (frame) => this.take(frame),
      onLink: (link) => this.set({ ...this.current, link }),
      onOutdated: reloadOnce,
      later,
      random: Math.random,
    });
    window.addEventListener("online", () => this.socket.retryNow());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Desktop => this.current;

  async start(): Promise<void> {
    try {
      if (!(await api.isLoggedIn())) {
        this.set({ ...this.current, link: { kind: "signed_out" } });
        return;
      }
    } catch {
      // The server is away: the socket keeps trying and says so.
    }
    this.socket.start();
  }

  /** Somebody has just logged in. */
  entered(): void {
    this.set({ link: { kind: "connecting" }, desk: EMPTY });
    this.socket.start();
  }

  async logOut(): Promise<void> {
    this.socket.stop();
    try {
      await api.logOut();
    } finally {
      this.set({ link: { kind: "signed_out" }, desk: EMPTY });
    }
  }

  /** Back to the log-in. The server is not asked to end the session: it has, or the session is
   * somebody else's by now. */
  logInAgain(): void {
    this.socket.stop();
    this.set({ link: { kind: "signed_out" }, desk: EMPTY });
  }

  retryNow(): void {
    this.socket.retryNow();
  }

  chooseState(state: AgentState): void {
    this.socket.send({ kind: "state.set", state });
  }

  show(popId: string): void {
    this.setDesk(show(this.current.desk, popId));
  }

  note(popId: string, text: string): void {
    this.socket.send({ kind: "note", pop_id: popId, text });
  }

  finish(popId: string, code: string, note: string): void {
    this.socket.send({ kind: "disposition", pop_id: popId, code, note });
  }

  extendWrapUp(popId: string): void {
    this.socket.send({ kind: "wrapup.extend", pop_id: popId });
  }

  skipWrapUp(popId: string): void {
    this.socket.send({ kind: "wrapup.skip", pop_id: popId });
  }

  choose(popId: string, candidate: string | null): void {
    this.socket.send({ kind: "select", pop_id: popId, candidate });
  }

  answerOffer(popId: string, offer: string, answer: OfferSaid["answer"], reason: string): void {
    this.socket.send({ kind: "offer.answer", pop_id: popId, offer, answer, reason });
  }

  /** The box in which a call is given away; null closes it. */
  openTransfer(popId: string | null): void {
    this.setDesk(transferring(this.current.desk, popId));
  }

  /** `note`: as it stands, for it goes along. */
  transfer(popId: string, target: Target, how: "blind" | "attended", note: string): void {
    this.note(popId, note);
    this.socket.send(asFrame(popId, target, how));
  }

  endAsking(popId: string, how: "complete" | "cancel" | "conference"): void {
    const kind = how === "conference" ? "call.conference" : (`call.transfer_${how}` as const);
    this.socket.send({ kind, pop_id: popId });
  }

  /** The card follows the server's word; what was not done is told. */
  async pauseRecording(popId: string, paused: boolean): Promise<void> {
    const code = await api.setRecording(popId, paused);
    if (code !== null) this.setDesk(noticed(this.current.desk, code, Date.now()));
  }

  planFollowUp(popId: string, id: string, at: number | null, note: string): void {
    this.socket.send({ kind: "callback.create", pop_id: popId, id, at, note });
  }

  cancelFollowUp(popId: string, id: string): void {
    this.socket.send({ kind: "callback.cancel", pop_id: popId, id });
  }

  finishLead(leadId: string, confirmed: boolean): void {
    this.socket.send({ kind: "lead.done", lead_id: leadId, confirmed });
  }

  dismissNotice(index: number): void {
    this.setDesk(dismissNotice(this.current.desk, index));
  }

  private take(frame: ServerFrame): void {
    const before = this.current.desk;
    this.setDesk(apply(before, frame, Date.now()));
    if (frame.kind === "hello") this.watch.again();
    if (frame.kind === "pop.claim" || frame.kind === "pop.update") this.openAnswered(frame.pop_id);
    if (frame.kind === "hello") {
      for (const pop of frame.pops) {
        if (pop.state !== "closed") this.acknowledge(pop.pop_id, pop.seq, null);
      }
    } else if ("seq" in frame) {
      this.acknowledge(frame.pop_id, frame.seq, isKnown(before, frame.seq) ? null : frame.ts);
    }
  }

  private openAnswered(popId: string): void {
    const pop = this.current.desk.pops.find((one) => one.id === popId);
    if (pop?.state === "claimed") this.opener.answered(pop.id, pop.content.open);
  }

  /** `since`: server time the painting is measured from; null where nothing new is painted. */
  private acknowledge(popId: string, seq: number, since: number | null): void {
    afterPaint((visible) => {
      const now = Date.now() + this.current.desk.skewMs;
      const rendered = visible && since !== null ? Math.max(0, now - since) : null;
      this.socket.acknowledge({ kind: "ack", pop_id: popId, seq, rendered_ms: rendered });
    });
  }

  private setDesk(desk: DeskState): void {
    if (desk !== this.current.desk) this.set({ ...this.current, desk });
  }

  private set(next: Desktop): void {
    this.current = next;
    this.watch.set(next.link.kind !== "signed_out" && next.desk.transferring !== null);
    for (const listener of this.listeners) listener();
  }
}
