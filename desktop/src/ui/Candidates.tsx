import type { Desk } from "../core/desk";
import { link } from "../core/format";
import type { Pop } from "../core/store";
import { useWords } from "./words";

/** A shared number: nobody guesses, the agent asks and chooses. */
export function Candidates({ desk, pop }: { desk: Desk; pop: Pop }) {
  const words = useWords();
  const { candidates, selected } = pop.content.match;
  const open = pop.state !== "closed";
  return (
    <section className="panel chooser">
      <h3>{words("who")}</h3>
      <p className="faint">{words("who_text")}</p>
      <ul className="candidates">
        {candidates.map((candidate) => {
          const url = link(candidate.url);
          return (
            <li key={candidate.ref}>
              <button
                type="button"
                disabled={!open}
                aria-pressed={candidate.ref === selected}
                onClick={() => desk.choose(pop.id, candidate.ref)}
              >
                <bdi className="line-name">{candidate.name}</bdi>
                <bdi className="faint">{candidate.company ?? candidate.ref}</bdi>
                {candidate.ref === selected && <span className="badge">{words("chosen")}</span>}
              </button>
              {url && (
                <a href={url} target="_blank" rel="noopener noreferrer">
                  {words("open_crm")} <span className="unseen">{candidate.name}</span>
                  <span aria-hidden="true">↗</span>
                </a>
              )}
            </li>
          );
        })}
      </ul>
      {selected && open && (
        <button type="button" className="quiet" onClick={() => desk.choose(pop.id, null)}>
          {words("undo")}
        </button>
      )}
    </section>
  );
}
