import { phone } from "../core/format";
import type { Translate } from "../core/i18n";
import type { PopContent } from "../core/protocol.gen";

/** What to call the caller, in one line. */
export function callerName(content: PopContent, words: Translate): string {
  const { call, contact, match } = content;
  if (contact) return contact.name;
  const selected = match.candidates.find((candidate) => candidate.ref === match.selected);
  if (selected) return selected.name;
  if (call.withheld) return words("withheld");
  if (match.outcome === "multiple") return words("shared_number");
  return call.network_name ?? words("unknown_caller");
}

export function callerNumber(content: PopContent, words: Translate): string {
  if (content.call.withheld) return words("withheld");
  return content.call.number ? phone(content.call.number) : "";
}
