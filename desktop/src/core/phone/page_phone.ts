/** The softphone of this page: everything it needs of a browser. */

import * as api from "../api";
import type { Desk } from "../desk";
import * as microphone from "./microphone";
import type { Phone, PhoneLogIn } from "./phone";
import { canMove, Ringer } from "./ringer";
import type { SipWire } from "./sip_socket";
import { Softphone } from "./softphone";
import { Sound } from "./sound";
import { TabLeader, type ChannelPort } from "./tab_leader";
import { Voices } from "./voices";

const CHANNEL = "switchboard-softphone";

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** JsSIP is loaded by those only who have a softphone. */
async function makePhone(
  sound: Sound,
  voices: Voices,
  logIn: PhoneLogIn,
  onMicrophoneFailed: (error: unknown) => void,
): Promise<Phone> {
  const [{ UA }, { JsSipPhone }, { SipSocket }] = await Promise.all([
    import("jssip"),
    import("./jssip_phone"),
    import("./sip_socket"),
  ]);
  const open = (ticket: string) =>
    new WebSocket(api.webSocketAddress(logIn.socket, { ticket }), "sip") as SipWire;
  const socket = new SipSocket({ ticket: api.ticket, open, later, random: Math.random }, logIn.domain);
  window.addEventListener("online", () => socket.retryNow());
  return new JsSipPhone({
    UA,
    socket,
    logIn,
    voice: () => sound.voice,
    hear: voices.hear,
    onMicrophoneFailed,
    later,
    random: Math.random,
    now: Date.now,
  });
}

function leavingGuard(): (on: boolean) => void {
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  return (on) => {
    if (on) window.addEventListener("beforeunload", ask);
    else window.removeEventListener("beforeunload", ask);
  };
}

export interface PagePhone {
  readonly softphone: Softphone;
  readonly ringer: Ringer;
  readonly sound: Sound;
}

export function pagePhone(desk: Desk): PagePhone {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const sound = new Sound({
    storage: localStorage,
    media,
    speaker: "setSinkId" in HTMLMediaElement.prototype,
    ring: canMove(),
  });
  const ringer = new Ringer({
    device: () => sound.idOf("ring"),
    volume: () => sound.snapshot().volume,
  });
  const voices = new Voices(() => sound.idOf("speaker"));
  sound.subscribe(() => {
    ringer.move();
    voices.move();
  });
  const softphone = new Softphone({
    desk,
    fetchLogIn: api.phoneLogIn,
    makePhone: (logIn, onMicrophoneFailed) => makePhone(sound, voices, logIn, onMicrophoneFailed),
    makeLeader: (isBusy, onSeat) =>
      new TabLeader({
        // Absent where the page came without https: there is no microphone then either.
        locks: (navigator.locks as LockManager | undefined) ?? { request: async (_n, _o, held) => held({}) },
        openChannel: () => new BroadcastChannel(CHANNEL) as ChannelPort,
        isBusy,
        onSeat,
        later,
        tab: `${Date.now()}-${Math.random()}`,
      }),
    probe: async () => {
      const trouble = await microphone.probe(media, sound.voice);
      await sound.look();
      return trouble;
    },
    troubleOf: microphone.troubleOf,
    watch: async (onChange) => (media ? microphone.watch(media, onChange) : () => undefined),
    ring: ringer,
    guardLeaving: leavingGuard(),
    later,
    random: Math.random,
  });
  return { softphone, ringer, sound };
}
