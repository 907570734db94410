import { useId, useState, type FormEvent } from "react";
import type { Desktop } from "../core/desk";
import { isTalking, type Line, type PhoneCall } from "../core/phone/phone_state";
import { popOf, type Softphone } from "../core/phone/softphone";
import type { Pop } from "../core/store";
import { useKeysOf } from "./keys";
import { Since } from "./time";
import { useWords } from "./words";

export type CallPanel = "keypad" | "transfer" | null;

interface Props {
  softphone: Softphone;
  desktop: Desktop;
  /** Opens the card's transfer box; null closes it. */
  onTransfer: (popId: string | null) => void;
  call: PhoneCall;
  name: string;
  line: Line;
  panel: CallPanel;
  onPanel: (change: (panel: CallPanel) => CallPanel) => void;
}

export function PhoneCallBox(props: Props) {
  const { call, name } = props;
  const words = useWords();
  const who = useId();
  return (
    <div
      className={`phone-call phone-call-${call.phase}`}
      role="group"
      aria-labelledby={who}
      data-testid="phone-call"
    >
      <p className="phone-who" id={who}>
        <bdi>{name}</bdi>
      </p>
      <p className="phone-how">
        <span role="status">{stateOf(call, words)}</span>
        {call.talkingSince !== null && <Since at={call.talkingSince} />}
      </p>
      {call.phase === "ringing" && <Ringing {...props} />}
      {isTalking(call) && <Talking {...props} />}
      {call.delayed && <p className="phone-words">{words(`call_delayed_${call.delayed}`)}</p>}
    </div>
  );
}

/** The call's card, where it has one: there the server transfers it. */
export function talkedAbout(desktop: Desktop, call: PhoneCall): Pop | null {
  const pop = popOf(desktop, call.linkedid);
  return pop?.state === "claimed" ? pop : null;
}

function stateOf(call: PhoneCall, words: ReturnType<typeof useWords>): string {
  const parts = [words(`call_${call.phase}`)];
  if (call.phase === "talking") {
    if (call.held) parts.splice(0, 1, words("call_held"));
    else if (!call.media) parts.push(words("call_no_voice"));
    if (call.muted) parts.push(words("call_muted"));
  }
  return parts.join(" · ");
}

function Ringing({ softphone, call, line }: Props) {
  const words = useWords();
  const keysOf = useKeysOf();
  const away = line !== "ready";
  return (
    <div className="phone-answers">
      <button
        type="button"
        className="phone-accept"
        disabled={away}
        {...keysOf("accept")}
        onClick={() => softphone.answer(call.id)}
      >
        {words("call_accept")}
      </button>
      <button
        type="button"
        disabled={away}
        {...keysOf("decline")}
        onClick={() => softphone.calls?.decline(call.id)}
      >
        {words("call_decline")}
      </button>
      {away && <p className="phone-words phone-away">{words("call_away")}</p>}
    </div>
  );
}

function Talking(props: Props) {
  const { softphone, desktop, onTransfer, call, line, panel, onPanel } = props;
  const words = useWords();
  const phone = softphone.calls;
  const keysOf = useKeysOf();
  const toggle = (which: "keypad" | "transfer") => onPanel((open) => (open === which ? null : which));
  const over = call.phase === "hanging_up";
  const pop = talkedAbout(desktop, call);
  const boxOpen = pop !== null && desktop.desk.transferring === pop.id;
  return (
    <>
      <div className="phone-controls">
        <button
          type="button"
          aria-pressed={call.muted}
          {...keysOf("mute")}
          onClick={() => phone?.mute(call.id, !call.muted)}
        >
          {words("call_mute")}
        </button>
        <button
          type="button"
          aria-pressed={call.held}
          {...keysOf("hold")}
          onClick={() => phone?.hold(call.id, !call.held)}
        >
          {words("call_hold")}
        </button>
        <button
          type="button"
          aria-expanded={panel === "keypad"}
          disabled={!call.media}
          {...keysOf("keypad")}
          onClick={() => toggle("keypad")}
        >
          {words("call_keypad")}
        </button>
        <button
          type="button"
          aria-expanded={pop ? boxOpen : panel === "transfer"}
          disabled={!pop && line !== "ready"}
          {...keysOf("transfer")}
          onClick={() => (pop ? onTransfer(boxOpen ? null : pop.id) : toggle("transfer"))}
        >
          {words("call_transfer")}
        </button>
      </div>
      {panel === "keypad" && call.media && <Keypad softphone={softphone} call={call} />}
      {panel === "transfer" && !pop && <TransferForm softphone={softphone} call={call} line={line} />}
      <div role="alert">
        {call.transfer?.phase === "failed" && (
          <p className="phone-words phone-trouble">
            {words("transfer_failed", { target: call.transfer.target })}
          </p>
        )}
      </div>
      <button
        type="button"
        className="phone-hang-up"
        disabled={over}
        {...keysOf("hang_up")}
        onClick={() => phone?.hangUp(call.id)}
      >
        {words("call_hang_up")}
      </button>
    </>
  );
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

function Keypad({ softphone, call }: { softphone: Softphone; call: PhoneCall }) {
  const words = useWords();
  const [sent, setSent] = useState("");
  return (
    <div className="phone-keypad" role="group" aria-label={words("call_keypad")}>
      <output className="phone-keys-sent" aria-label={words("call_keys_sent")}>
        {sent}
      </output>
      {KEYS.map((digit) => (
        <button
          key={digit}
          type="button"
          aria-label={words("call_key", { digit })}
          onClick={() => {
            softphone.calls?.dtmf(call.id, digit);
            setSent((before) => `${before}${digit}`.slice(-24));
          }}
        >
          {digit}
        </button>
      ))}
    </div>
  );
}

function TransferForm(props: { softphone: Softphone; call: PhoneCall; line: Line }) {
  const { softphone, call } = props;
  const words = useWords();
  const [target, setTarget] = useState("");
  const asked = call.transfer?.phase === "asked";

  function submit(event: FormEvent) {
    event.preventDefault();
    softphone.calls?.transfer(call.id, target.replace(/[\s()-]/g, ""));
  }

  return (
    <form className="phone-transfer" onSubmit={submit}>
      <label>
        <span className="label">{words("transfer_to")}</span>
        <input
          inputMode="tel"
          autoComplete="off"
          required
          maxLength={40}
          value={target}
          onChange={(event) => setTarget(event.target.value)}
        />
      </label>
      <button type="submit" disabled={asked || props.line !== "ready"}>
        {words("transfer_go")}
      </button>
      <p className="faint" role="status">
        {asked && words("transfer_asked", { target: call.transfer?.target ?? "" })}
      </p>
    </form>
  );
}
