/** A telephone, whatever speaks its signalling; a page has one. */

import type { PhoneState } from "./phone_state";

/** What a telephone logs in with; kept in memory only. */
export interface PhoneLogIn {
  readonly user: string;
  readonly domain: string;
  readonly secret: string;
  readonly display_name: string;
  /** Path of the websocket that carries its signalling. */
  readonly socket: string;
}

/** Every wish returns at once; what came of it is told by `onChange`. `id` is a call's. */
export interface Phone {
  readonly state: PhoneState;
  onChange: (state: PhoneState) => void;
  start(): void;
  /** Hangs up whatever is on, and logs out. */
  stop(): void;
  answer(id: string): void;
  decline(id: string): void;
  hangUp(id: string): void;
  hold(id: string, on: boolean): void;
  mute(id: string, on: boolean): void;
  dtmf(id: string, digit: string): void;
  /** Sends the caller on to `target`, an extension or a number, without asking there first. */
  transfer(id: string, target: string): void;
}
