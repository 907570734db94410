import { useId, type ReactNode } from "react";

/** A table scrolls in its own frame, which the keyboard reaches; its columns never move. */
export function TablePanel(props: {
  name: string;
  title: string;
  columns: readonly string[];
  empty: string;
  note?: string | undefined;
  children: readonly ReactNode[];
}) {
  const id = useId();
  return (
    <section className={`sv-panel sv-${props.name}`} aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      {/* A region that scrolls takes the focus, or the keyboard cannot scroll it. */}
      <div className="sv-scroll" tabIndex={0} role="group" aria-labelledby={id}>
        <table aria-labelledby={id}>
          <thead>
            <tr>
              {props.columns.map((column, at) => (
                <th key={at} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.children.length > 0 ? (
              props.children
            ) : (
              <tr>
                <td colSpan={props.columns.length} className="faint">
                  {props.empty}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
      {props.note && <p className="faint">{props.note}</p>}
    </section>
  );
}
