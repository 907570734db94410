import { useState } from "react";
import * as api from "../../core/supervisor/api";
import { useWords } from "../words";
import { refusedBy, useAsked } from "./asked";
import { time } from "./CallPage";
import { TablePanel } from "./Panel";

/** What the CRM and webhooks are still owed, and what was given up. */
export function OutboxPage({ mayRetry }: { mayRetry: boolean }) {
  const words = useWords();
  const { value, failed, again } = useAsked(api.outbox, "");
  const [told, setTold] = useState("");
  const retry = async (key: string) => {
    setTold("");
    try {
      await api.retry(key);
    } catch (error) {
      setTold(words("sv_failed", { why: refusedBy(error).message }));
    }
    again();
  };
  if (failed) {
    return (
      <p className="sv-bad" role="alert">
        {words("sv_failed", { why: failed.message })}
      </p>
    );
  }
  if (!value) return <p className="faint">{words("sv_loading")}</p>;
  return (
    <div className="sv-rulebook">
      <p className="sv-bad" role="status">
        {told}
      </p>
      <Dead dead={value.dead} onRetry={mayRetry ? (key) => void retry(key) : undefined} />
      <Owed owed={value.owed} />
    </div>
  );
}

function Dead(props: {
  dead: readonly api.DeadEntry[];
  onRetry: ((key: string) => void) | undefined;
}) {
  const words = useWords();
  const { dead, onRetry } = props;
  const said = words.language === "zh" ? 1 : 0;
  const columns = ["sv_when", "sv_for", "sv_what", "sv_do", "sv_tried"] as const;
  return (
    <TablePanel
      name="dead"
      title={words("sv_given_up")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_none_given_up")}
      note={onRetry ? undefined : words("sv_admins_retry")}
    >
      {dead.map((entry) => (
        <tr key={entry.key}>
          <th scope="row">{time(entry.at, words.language)}</th>
          <td>
            <bdi>{entry.lane}</bdi> <span className="faint">{entry.operation}</span>
          </td>
          <td>
            <bdi>{entry.error}</bdi>
          </td>
          <td>{entry.do[said]}</td>
          <td>
            {entry.attempts}{" "}
            {onRetry && (
              <button
                type="button"
                aria-label={words("sv_retry_one", { key: entry.key })}
                onClick={() => onRetry(entry.key)}
              >
                {words("sv_retry")}
              </button>
            )}
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}

function Owed({ owed }: { owed: api.Outbox["owed"] }) {
  const words = useWords();
  const columns = ["sv_for", "sv_what", "sv_count", "sv_oldest"] as const;
  return (
    <TablePanel
      name="owed"
      title={words("sv_owed")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_none_yet")}
    >
      {owed.map((group, at) => (
        <tr key={at}>
          <th scope="row">
            <bdi>{group.lane}</bdi>
          </th>
          <td>{group.operation}</td>
          <td>{group.count}</td>
          <td>{time(group.oldest_at, words.language)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}
