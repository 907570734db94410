import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Desktop } from "../core/desk";
import { phone as shownNumber } from "../core/format";
import { CallNotices } from "../core/phone/call_notice";
import type { PagePhone } from "../core/phone/page_phone";
import { foremost, inCall, type PhoneCall } from "../core/phone/phone_state";
import { popOf, type Softphone as SoftphoneCore, type SoftphoneView } from "../core/phone/softphone";
import { PHONE_ACTIONS, type Doing, type PhoneAction } from "../core/shortcuts";
import { shownPop, type Pop } from "../core/store";
import { callerName } from "./caller";
import { useDoings } from "./keys";
import { PhoneCallBox, talkedAbout, type CallPanel } from "./PhoneCallBox";
import { GoneDevices, SoundCheck } from "./SoundCheck";
import { useWords } from "./words";

/** The telephone in the page: always there, whatever else is looked at. */
export function Softphone(props: {
  page: PagePhone;
  desktop: Desktop;
  onLogIn: () => void;
  onTransfer: (popId: string | null) => void;
}) {
  const { page, desktop, onTransfer } = props;
  const words = useWords();
  const { softphone } = page;
  const view = useSyncExternalStore(softphone.subscribe, softphone.snapshot);
  const [sound, setSound] = useState(false);
  const [panel, setPanel] = useState<CallPanel>(null);
  const notices = useMemo(() => new CallNotices(), []);
  const nameOf = (call: PhoneCall) => whoCalls(call, desktop, words);
  usePhoneKeys(softphone, desktop, onTransfer, setPanel);
  useNotices(notices, view, nameOf);
  if (!view.offered) return null;
  const leading = view.seat === "leading";
  const usable = leading && view.microphone.kind === "works";
  const calls = view.phone.calls;
  return (
    <section className="phone" aria-label={words("phone")} data-testid="phone">
      <header className="phone-head">
        <h2>{words("phone")}</h2>
        <span className={`phone-line phone-line-${usable ? view.phone.line : "off"}`} role="status">
          <span className="dot" aria-hidden="true" />
          {words(usable ? `phone_${view.phone.line}` : "phone_off")}
        </span>
      </header>
      {!leading && <Elsewhere softphone={softphone} view={view} />}
      {leading && <Troubles softphone={softphone} view={view} onLogIn={props.onLogIn} />}
      {usable && <GoneDevices sound={page.sound} />}
      {calls.map((call) => (
        <PhoneCallBox
          key={call.id}
          softphone={softphone}
          desktop={desktop}
          onTransfer={onTransfer}
          call={call}
          name={nameOf(call)}
          line={view.phone.line}
          panel={call === foremost(view.phone) ? panel : null}
          onPanel={setPanel}
        />
      ))}
      {usable && calls.length === 0 && (
        <button type="button" aria-expanded={sound} onClick={() => setSound(!sound)}>
          {words("sound_check")}
        </button>
      )}
      {usable && calls.length === 0 && sound && <SoundCheck page={page} notices={notices} />}
    </section>
  );
}

/** What still works while the signalling is away. */
export function PhoneBanner({ page }: { page: PagePhone }) {
  const words = useWords();
  const view = useSyncExternalStore(page.softphone.subscribe, page.softphone.snapshot);
  const lost = view.phone.line === "lost" && inCall(view.phone);
  const heard = view.phone.calls.some((call) => call.media);
  return (
    <div className="phone-banner-place" role="status">
      {lost && (
        <div className="banner" data-testid="phone-lost">
          <span className="banner-text">{words(heard ? "phone_banner" : "phone_banner_silent")}</span>
        </div>
      )}
    </div>
  );
}

function Elsewhere({ softphone, view }: { softphone: SoftphoneCore; view: SoftphoneView }) {
  const words = useWords();
  if (view.seat === "waiting") return null;
  const moving = view.seat === "asking";
  return (
    <div className="phone-words" role="status">
      <p>
        {moving && words("phone_moving")}
        {view.seat === "following" && words("phone_elsewhere")}
        {view.seat === "refused" && words("phone_busy_elsewhere")}
      </p>
      <button type="button" disabled={moving} onClick={() => softphone.useThisTab()}>
        {words("phone_use_this_tab")}
      </button>
    </div>
  );
}

function Troubles(props: {
  softphone: SoftphoneCore;
  view: SoftphoneView;
  onLogIn: () => void;
}) {
  const { softphone, view } = props;
  const words = useWords();
  const { microphone } = view;
  const { line } = view.phone;
  return (
    <div className="phone-troubles" role="status">
      {microphone.kind === "asking" && <p className="phone-words">{words("mic_asking")}</p>}
      {microphone.kind === "trouble" && (
        <div className="phone-words phone-trouble" data-testid="microphone-trouble">
          <p>
            {words(`mic_${microphone.trouble}`)} {words("mic_not_ready")}
          </p>
          <button type="button" onClick={() => void softphone.checkMicrophone()}>
            {words("mic_again")}
          </button>
        </div>
      )}
      {view.unloadable && <p className="phone-words phone-trouble">{words("phone_unloadable")}</p>}
      {view.phone.line === "refused" && (
        <p className="phone-words phone-trouble">{words("phone_refused_text")}</p>
      )}
      {(line === "signed_out" || line === "not_theirs") && (
        <div className="phone-words phone-trouble" data-testid="phone-logged-out">
          <p>{words(`phone_${line}_text`)}</p>
          {inCall(view.phone) ? (
            <p>{words("phone_log_in_after")}</p>
          ) : (
            <button type="button" onClick={props.onLogIn}>
              {words("phone_log_in")}
            </button>
          )}
        </div>
      )}
      {view.silent && <p className="phone-words">{words("phone_silent")}</p>}
    </div>
  );
}

/** By the pop of this call, else by what the network says. */
function whoCalls(call: PhoneCall, desktop: Desktop, words: ReturnType<typeof useWords>): string {
  const pop = popOf(desktop, call.linkedid);
  if (pop) return callerName(pop.content, words);
  return call.name || shownNumber(call.number) || words("unknown_caller");
}

function usePhoneKeys(
  softphone: SoftphoneCore,
  desktop: Desktop,
  onTransfer: (popId: string | null) => void,
  onPanel: (change: (panel: CallPanel) => CallPanel) => void,
) {
  const doing = (action: PhoneAction) => () => {
    const { phone } = softphone.snapshot();
    const ringing = phone.calls.find((call) => call.phase === "ringing");
    const call = action === "accept" || action === "decline" ? ringing : foremost(phone);
    const pop = action === "transfer" ? popToTransfer(call ?? null, desktop) : null;
    if (pop) {
      onTransfer(desktop.desk.transferring === pop.id ? null : pop.id);
      return true;
    }
    if (!call || !softphone.calls) return false;
    carryOut(softphone, action, call, onPanel);
    return true;
  };
  const all = PHONE_ACTIONS.map((action) => [action, doing(action)] as const);
  useDoings(Object.fromEntries(all) as Record<PhoneAction, Doing>);
}

/** The call in hand, where the server knows it; its phone may stand on the desk. */
function popToTransfer(call: PhoneCall | null, desktop: Desktop): Pop | null {
  if (call) return talkedAbout(desktop, call);
  const shown = shownPop(desktop.desk);
  return shown?.state === "claimed" ? shown : null;
}

function carryOut(
  softphone: SoftphoneCore,
  action: PhoneAction,
  call: PhoneCall,
  onPanel: (change: (panel: CallPanel) => CallPanel) => void,
) {
  const phone = softphone.calls;
  if (action === "accept") softphone.answer(call.id);
  else if (action === "decline") phone?.decline(call.id);
  else if (call.phase === "ringing") return;
  else if (action === "mute") phone?.mute(call.id, !call.muted);
  else if (action === "hold") phone?.hold(call.id, !call.held);
  else if (action === "hang_up") phone?.hangUp(call.id);
  else onPanel((open) => (open === action ? null : action));
}

function useNotices(
  notices: CallNotices,
  view: SoftphoneView,
  nameOf: (call: PhoneCall) => string,
) {
  const words = useWords();
  const ringing = view.phone.calls.filter((call) => call.phase === "ringing");
  const told = JSON.stringify(
    ringing.map((call) => [call.id, `${words("call_ringing")}: ${nameOf(call)}`]),
  );
  useEffect(() => {
    const titles = new Map(JSON.parse(told) as [string, string][]);
    notices.closeAllBut(new Set(titles.keys()));
    for (const [call, title] of titles) notices.show(call, title);
  }, [notices, told]);
}
