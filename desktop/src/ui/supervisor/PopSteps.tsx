import type { Translate } from "../../core/i18n";
import type { PopStep } from "../../core/supervisor/api";
import { useWords } from "../words";
import { time } from "./CallPage";
import { TablePanel } from "./Panel";

export function PopSteps({ steps }: { steps: readonly PopStep[] }) {
  const words = useWords();
  const columns = ["sv_at", "sv_agent", "sv_frame", "sv_desks", "sv_fate"] as const;
  return (
    <TablePanel
      name="pops"
      title={words("sv_pops")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_no_pops")}
    >
      {steps.map((step, at) => (
        <tr key={at}>
          <th scope="row">{time(step.event_at, words.language)}</th>
          <td>
            <bdi>{step.agent}</bdi> <bdi className="faint">{step.interface}</bdi>
            {step.known_by !== null && (
              <bdi className="faint"> {words("sv_known_by", { phone: step.known_by })}</bdi>
            )}
          </td>
          <td>{words.code("sv", step.kind.replace(".", "_"))}</td>
          <td>{step.sockets}</td>
          <td>{fate(step, words)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}

function fate(step: PopStep, words: Translate): string {
  if (step.kind === "not_shown") return words("sv_fate_not_shown");
  if (step.rendered_ms !== null)
    return words("sv_fate_rendered", { ms: Math.round(step.rendered_ms) });
  if (step.acked_at !== null) return words("sv_fate_acked");
  return words(step.sockets === 0 ? "sv_fate_no_desk" : "sv_fate_lost");
}
