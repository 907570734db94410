import { phone } from "../core/format";
import type { LeadShown } from "../core/protocol.gen";
import { useWords } from "./words";

export function LeadPanel({ lead }: { lead: LeadShown }) {
  const words = useWords();
  return (
    <section className="panel lead">
      <h3>{words("new_lead")}</h3>
      <p className="faint">{words("new_lead_text")}</p>
      <dl className="facts">
        <div>
          <dt>{words("number")}</dt>
          <dd>
            <bdi>{phone(lead.number)}</bdi>
          </dd>
        </div>
        {lead.name && (
          <div>
            <dt>{words("name")}</dt>
            <dd>
              <bdi>{lead.name}</bdi>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
