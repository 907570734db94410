import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Desk } from "../core/desk";
import type { PagePhone } from "../core/phone/page_phone";
import type { History } from "../core/history/history";
import { isSeen } from "../core/history/place";
import { firstLanguage, keepLanguage, translator, type Language } from "../core/i18n";
import { Shortcuts } from "../core/shortcuts";
import { shownPop } from "../core/store";
import { CallCard } from "./CallCard";
import { MissedCall } from "./Duty";
import { MyCalls } from "./history/MyCalls";
import { Idle } from "./Idle";
import { Incoming } from "./Incoming";
import { Keys, useKeyboard } from "./keys";
import { KeysHelp } from "./KeysHelp";
import { LogIn } from "./LogIn";
import { NewLeads } from "./NewLeads";
import { Notices, ReconnectBanner } from "./Notices";
import { PopList } from "./PopList";
import { PhoneBanner, Softphone } from "./Softphone";
import { TopBar } from "./TopBar";
import { Words } from "./words";

interface Props {
  desk: Desk;
  phone: PagePhone;
  history: History;
}

export function App({ desk, phone, history }: Props) {
  const desktop = useSyncExternalStore(desk.subscribe, desk.snapshot);
  const { link, desk: state } = desktop;
  const { place } = useSyncExternalStore(history.subscribe, history.snapshot);
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const words = useMemo(() => translator(language), [language]);
  const shortcuts = useMemo(() => new Shortcuts(localStorage, Date.now), []);
  const [helping, setHelping] = useState(false);
  useKeyboard(shortcuts);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    keepLanguage(language);
  }, [language]);
  const past = isSeen(place);
  const pop = shownPop(state);
  return (
    <Words value={words}>
      <Keys value={shortcuts}>
        {link.kind === "signed_out" ? (
          <LogIn onEntered={() => desk.entered()} language={language} onLanguage={setLanguage} />
        ) : (
          <div className="desk">
            <TopBar
              desk={desk}
              state={state}
              link={link}
              language={language}
              onLanguage={setLanguage}
              onHelp={() => setHelping(true)}
            />
            <ReconnectBanner desk={desk} link={link} greeted={state.agent !== null} />
            <PhoneBanner page={phone} />
            <Notices desk={desk} notices={state.notices}>
              <MissedCall desk={desk} state={state} />
            </Notices>
            <Softphone
              page={phone}
              desktop={desktop}
              onLogIn={() => desk.logInAgain()}
              onTransfer={(popId) => {
                history.close();
                desk.openTransfer(popId);
              }}
            />
            <PopList
              state={state}
              stage={past ? null : state.shown}
              onShow={(popId) => {
                history.close();
                desk.show(popId);
              }}
              myCalls={{ seen: past, onToggle: () => history.toggle() }}
            />
            <main className="stage">
              {past ? (
                <MyCalls desk={desk} history={history} />
              ) : pop ? (
                <CallCard
                  key={pop.id}
                  desk={desk}
                  pop={pop}
                  skewMs={state.skewMs}
                  giving={{ state, online: link.kind === "online" }}
                />
              ) : (
                <Idle
                  available={state.status.state === "available"}
                  onMyCalls={() => history.open()}
                />
              )}
            </main>
            <NewLeads desk={desk} leads={state.leads} />
            <Incoming pops={state.pops} />
            {helping && (
              <KeysHelp shortcuts={shortcuts} page={phone} onClose={() => setHelping(false)} />
            )}
          </div>
        )}
      </Keys>
    </Words>
  );
}
