import { cardAddress, models, type ModelRow } from "../../core/supervisor/api";
import { useWords } from "../words";
import { useAsked } from "./asked";
import { time } from "./CallPage";
import { TablePanel } from "./Panel";

/** Figures beyond these are on the card. */
const MOST_FIGURES = 4;

export function ModelsPage() {
  const words = useWords();
  const { value, failed } = useAsked(models, "");
  const columns = ["sv_kind", "sv_its_version", "sv_trained", "sv_gate", "sv_figures", "sv_card"] as const;
  if (failed) {
    return (
      <p className="sv-bad" role="alert">
        {words("sv_failed", { why: failed.message })}
      </p>
    );
  }
  if (!value) return <p className="faint">{words("sv_loading")}</p>;
  return (
    <TablePanel
      name="models"
      title={words("sv_models")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_no_models")}
    >
      {value.map((row) => (
        <Row key={`${row.kind} ${row.version}`} row={row} />
      ))}
    </TablePanel>
  );
}

function Row({ row }: { row: ModelRow }) {
  const words = useWords();
  const kind = words.code("sv_model", row.kind);
  if (row.damaged) {
    return (
      <tr>
        <th scope="row">{kind}</th>
        <td className="sv-code">{row.version}</td>
        <td colSpan={4}>{words("sv_damaged")}</td>
      </tr>
    );
  }
  return (
    <tr className={row.current ? "sv-matched" : undefined}>
      <th scope="row">
        {kind} {row.current && <span className="sv-mark">{words("sv_in_use")}</span>}
      </th>
      <td className="sv-code">{row.version}</td>
      <td>{time(row.trained_at, words.language)}</td>
      <td>
        <span className={row.promoted ? "sv-ok" : "sv-down"}>
          {words(row.promoted ? "sv_gate_passed" : "sv_gate_failed")}
        </span>{" "}
        <bdi className="faint">{row.because.join("; ")}</bdi>
      </td>
      <td>
        {Object.entries(row.metrics)
          .slice(0, MOST_FIGURES)
          .map(([name, figure]) => `${name} ${figure.value.toFixed(3)}`)
          .join(", ")}
      </td>
      <td>
        <a
          href={cardAddress(row)}
          target="_blank"
          rel="noreferrer"
          aria-label={words("sv_open_card", { kind, version: row.version })}
        >
          {words("sv_card")}
        </a>
      </td>
    </tr>
  );
}
