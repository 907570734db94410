import type { Desk } from "../core/desk";
import { phone } from "../core/format";
import type { LeadCard } from "../core/protocol.gen";
import { useWords } from "./words";

/** Leads that are the agent's since a moment ago; each waits for a word about it. */
export function NewLeads({ desk, leads }: { desk: Desk; leads: readonly LeadCard[] }) {
  const words = useWords();
  if (leads.length === 0) return null;
  return (
    <section className="new-leads" aria-label={words("your_leads")} aria-live="polite">
      {leads.map((lead) => (
        <article key={lead.lead_id} className="new-lead" data-testid="new-lead">
          <h3>{words("your_lead")}</h3>
          <p className="new-lead-who">
            <bdi>{lead.name}</bdi>
            {lead.queue && <span className="faint"> · {lead.queue}</span>}
          </p>
          <p className="new-lead-ways">
            <a href={`tel:${lead.number}`}>
              {words("call_back")} <bdi>{phone(lead.number)}</bdi>
            </a>
            {lead.url && (
              <a href={lead.url} target="_blank" rel="noopener noreferrer">
                {words("open_crm")}
              </a>
            )}
          </p>
          <div className="new-lead-words">
            <button type="button" onClick={() => desk.finishLead(lead.lead_id, true)}>
              {words("lead_is_real")}
            </button>
            <button type="button" onClick={() => desk.finishLead(lead.lead_id, false)}>
              {words("dismiss")}
            </button>
          </div>
        </article>
      ))}
    </section>
  );
}
