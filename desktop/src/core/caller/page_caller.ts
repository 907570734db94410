/** Everything the page for callers needs of a browser. */

import { webSocketAddress } from "../api";
import { firstLanguage, translator } from "../i18n";
import { SipSocket, type SipWire } from "../phone/sip_socket";
import { Voices } from "../phone/voices";
import * as api from "./api";
import { Caller, type CallInHand, type CallWishes } from "./caller";
import { openVoice } from "./voice";

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

async function dial(wishes: CallWishes): Promise<CallInHand> {
  const [{ UA }, { Outgoing }] = await Promise.all([import("jssip"), import("./outgoing")]);
  const { account, cast } = wishes;
  const open = (ticket: string) =>
    new WebSocket(webSocketAddress(cast.socket, { ticket }), "sip") as SipWire;
  const ticket = () => api.ticketFor(account.user);
  const voices = new Voices(() => "");
  return new Outgoing({
    UA,
    socket: new SipSocket({ ticket, open, later, random: Math.random }, cast.domain),
    user: account.user,
    secret: account.secret,
    domain: cast.domain,
    target: wishes.target,
    voice: wishes.voice.stream,
    hear: (stream) => voices.hear(account.user, stream),
    onAnswered: wishes.onAnswered,
    onOver: (failed) => {
      voices.hear(account.user, null);
      wishes.onOver(failed);
    },
    later,
  });
}

export function pageCaller(): Caller {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  return new Caller(
    {
      cast: api.cast,
      callOf: api.callOf,
      openVoice: () => openVoice(media),
      dial,
      later,
      // As the page is now.
      code: (family, name) => translator(firstLanguage()).code(family, name),
    },
    firstLanguage(),
  );
}
