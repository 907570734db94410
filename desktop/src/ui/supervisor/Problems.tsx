import type { Problem } from "../../core/supervisor/api";
import { useWords } from "../words";
import { TablePanel } from "./Panel";

export function Problems({ problems }: { problems: readonly Problem[] }) {
  const words = useWords();
  return (
    <TablePanel
      name="problems"
      title={words("sv_problems")}
      columns={[words("sv_file"), words("sv_line"), words("sv_severity"), words("sv_what")]}
      empty=""
    >
      {problems.map((problem, at) => (
        <tr key={at}>
          <th scope="row" className="sv-code">
            <bdi>{problem.file}</bdi>
          </th>
          <td>{problem.line || ""}</td>
          <td>
            <span className={problem.severity === "error" ? "sv-down" : "sv-warned"}>
              {words(problem.severity === "error" ? "sv_error" : "sv_warning")}
            </span>
          </td>
          {/* The checker speaks English. */}
          <td lang="en">
            <bdi>{problem.sentence}</bdi>
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}
