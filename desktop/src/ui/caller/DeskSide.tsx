import { useState } from "react";
import { deskAddress } from "../../core/caller/api";
import { useWords } from "../words";

/** The window has a name, so that a second press shows the same one again. */
const WINDOW = "switchboard-desk";

export function DeskSide({ agent }: { agent: string }) {
  const words = useWords();
  const [blocked, setBlocked] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);

  async function open() {
    setBlocked(null);
    setFailed(false);
    try {
      const address = await deskAddress();
      if (!window.open(address, WINDOW)) setBlocked(address);
    } catch {
      setFailed(true);
    }
  }

  const name = agent.charAt(0).toUpperCase() + agent.slice(1);
  return (
    <section className="cp-card" aria-labelledby="cp-desk">
      <h2 id="cp-desk">{words("cp_desk")}</h2>
      <p>{words("cp_desk_text", { agent: name })}</p>
      <button type="button" className="cp-open" onClick={() => void open()}>
        {words("cp_desk_open")}
      </button>
      <p role="alert">
        {blocked && (
          <a href={blocked} target={WINDOW} onClick={() => setBlocked(null)}>
            {words("cp_desk_blocked")}
          </a>
        )}
        {failed && words("cp_desk_failed")}
      </p>
    </section>
  );
}
