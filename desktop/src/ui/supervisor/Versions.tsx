import type { VersionLine } from "../../core/supervisor/api";
import { useWords } from "../words";
import { time } from "./CallPage";
import { TablePanel } from "./Panel";

interface Props {
  versions: readonly VersionLine[];
  current: string;
  busy: boolean;
  mayMove: boolean;
  onRollBack: (version: string) => void;
}

export function Versions({ versions, current, busy, mayMove, onRollBack }: Props) {
  const words = useWords();
  const columns = ["sv_its_version", "sv_when", "sv_who", "sv_how", "sv_comment", "sv_state"] as const;
  return (
    <TablePanel
      name="versions"
      title={words("sv_versions")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_none_yet")}
    >
      {versions.map((line) => (
        <tr key={`${line.version} ${line.at}`} className={line.current ? "sv-matched" : undefined}>
          <th scope="row" className="sv-code">
            {line.version}
          </th>
          <td>{time(line.at, words.language)}</td>
          <td>
            <bdi>{line.author}</bdi>
          </td>
          <td>{words.code("sv_action", line.action)}</td>
          <td>
            <bdi>{line.comment}</bdi>
          </td>
          <td>
            {line.current && <span className="sv-mark">{words("sv_is_current")}</span>}
            {!line.current && !line.kept && words("sv_gone")}
            {mayMove && line.kept && line.version !== current && (
              <button
                type="button"
                disabled={busy}
                aria-label={words("sv_roll_back_to", { version: line.version })}
                onClick={() => onRollBack(line.version)}
              >
                {words("sv_roll_back")}
              </button>
            )}
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}
