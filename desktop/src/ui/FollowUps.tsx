import { useEffect, useRef, useState, type FormEvent } from "react";
import type { Desk } from "../core/desk";
import { bounds, fromField, newDraft, QUICK, quickTime } from "../core/follow_up/plan";
import { link, moment } from "../core/format";
import type { FollowUpShown } from "../core/protocol.gen";
import type { Pop } from "../core/store";
import { useDoings, useKeysOf } from "./keys";
import { useWords } from "./words";

export function hasFollowUps(pop: Pop): boolean {
  return mayPlan(pop) || (pop.content.follow_ups ?? []).length > 0;
}

function isRefusal(notice: { code: string }): boolean {
  return notice.code.startsWith("follow_up_");
}

function mayPlan(pop: Pop): boolean {
  return pop.state === "claimed" || pop.state === "wrapup";
}

/** What is planned for this caller, and a box to plan more while the call is the agent's. `note` is
 * what they have written on the call so far. */
export function FollowUps({ desk, pop, note }: { desk: Desk; pop: Pop; note: string }) {
  const planned = pop.content.follow_ups ?? [];
  return (
    <section className="panel follow-ups">
      {planned.length > 0 && <Planned desk={desk} pop={pop} planned={planned} />}
      {mayPlan(pop) && (
        <PlanForm desk={desk} popId={pop.id} note={note} planned={planned} />
      )}
    </section>
  );
}

function Planned(props: { desk: Desk; pop: Pop; planned: readonly FollowUpShown[] }) {
  const { desk, pop, planned } = props;
  const words = useWords();
  const mine = desk.snapshot().desk.agent?.login;
  return (
    <>
      <h3>{words("follow_up_planned")}</h3>
      <ul className="lines" aria-live="polite">
        {planned.map((one) => {
          const when = one.at === null ? words("follow_up_no_time") : moment(one.at, words.language);
          const url = link(one.url);
          return (
            <li key={`${one.agent} ${one.id}`}>
              <span className="line-top">
                <span className="line-name">{when}</span>
                <span className={`badge badge-planned-${one.state}`}>
                  {words.code("planned", one.state)}
                </span>
              </span>
              {one.note && <bdi className="note-before">{one.note}</bdi>}
              {one.agent !== mine && (
                <span className="faint">{words("follow_up_by", { agent: one.agent })}</span>
              )}
              {url && (
                <a href={url} target="_blank" rel="noopener noreferrer">
                  {words("open_crm")} <span aria-hidden="true">↗</span>
                </a>
              )}
              {one.state === "waiting" && one.agent === mine && (
                <button
                  type="button"
                  aria-label={words("follow_up_cancel_this", { what: when })}
                  onClick={() => desk.cancelFollowUp(pop.id, one.id)}
                >
                  {words("follow_up_cancel")}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

function PlanForm(props: {
  desk: Desk;
  popId: string;
  note: string;
  planned: readonly FollowUpShown[];
}) {
  const { desk, popId, note, planned } = props;
  const words = useWords();
  const keysOf = useKeysOf();
  const [isOpen, setOpen] = useState(false);
  const [draft, setDraft] = useState(newDraft);
  const [isSent, setSent] = useState(false);
  const summary = useRef<HTMLElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const text = draft.text ?? note;
  const isThere = planned.some((one) => one.id === draft.id);
  const refusals = desk.snapshot().desk.notices.filter(isRefusal).length;

  useEffect(() => {
    if (!isThere) return;
    setDraft(newDraft());
    setSent(false);
    setOpen(false);
    if (field.current?.form?.contains(document.activeElement)) summary.current?.focus();
  }, [isThere]);

  // What was refused is not on its way any more; the notice says why.
  useEffect(() => setSent(false), [refusals]);

  useDoings({
    follow_up: () => {
      setOpen(true);
      // In a moment: what is closed cannot be focused.
      requestAnimationFrame(() => field.current?.focus());
      return true;
    },
  });

  function save(event: FormEvent) {
    event.preventDefault();
    // The same again, where nothing came back: it is known by its id.
    setSent(true);
    desk.planFollowUp(popId, draft.id, fromField(draft.when), text.trim());
  }

  const { min, max } = bounds(Date.now());
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary ref={summary} {...keysOf("follow_up")}>
        {words("follow_up")}
      </summary>
      <form onSubmit={save}>
        <label>
          <span className="label">{words("follow_up_when")}</span>
          <input
            ref={field}
            type="datetime-local"
            min={min}
            max={max}
            value={draft.when}
            onChange={(event) => setDraft({ ...draft, when: event.target.value })}
          />
        </label>
        <div className="quick">
          {QUICK.map((quick) => (
            <button
              key={quick}
              type="button"
              onClick={() => setDraft({ ...draft, when: quickTime(quick, Date.now()) })}
            >
              {words(`follow_up_${quick}`)}
            </button>
          ))}
        </div>
        <label>
          <span className="label">{words("follow_up_text")}</span>
          <textarea
            rows={2}
            maxLength={2000}
            value={text}
            onChange={(event) => setDraft({ ...draft, text: event.target.value })}
          />
        </label>
        <div className="plan-end">
          <span className="faint" role="status">
            {words(isSent ? "follow_up_saving" : "follow_up_hint")}
          </span>
          <button className="primary" type="submit" disabled={!draft.when && !text.trim()}>
            {words("follow_up_save")}
          </button>
        </div>
      </form>
    </details>
  );
}
