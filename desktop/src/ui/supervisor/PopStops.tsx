import type { PopStop } from "../../core/supervisor/api";
import { Coded } from "../coded";
import { useWords } from "../words";
import { time } from "./CallPage";

/** Where pops of this call stopped, and what to do; nothing where all were seen. */
export function PopStops({ stops }: { stops: readonly PopStop[] }) {
  const words = useWords();
  if (stops.length === 0) return null;
  const said = words.language === "zh" ? 1 : 0;
  return (
    <section className="sv-panel sv-stops">
      <h2>{words("sv_stops")}</h2>
      <ul>
        {stops.map((stop, at) => (
          <li key={at}>
            <p>
              {stop.at !== null && <span className="faint">{time(stop.at, words.language)} </span>}
              <strong>{words.code("sv_stop", stop.code)}</strong>
            </p>
            <p>
              <bdi>
                <Coded text={stop.happened[said]} />
              </bdi>
            </p>
            <p className="sv-do">
              <span className="sv-mark">{words("sv_do")}</span> <bdi>
                <Coded text={stop.do[said]} />
              </bdi>
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
