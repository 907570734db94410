import type { ReactNode } from "react";
import { percent } from "../../core/format";
import type { Board } from "../../core/supervisor/board.gen";
import { Since } from "../time";
import { useWords } from "../words";

/** The six figures that are looked at from across the room. */
export function Tiles({ board, skewMs }: { board: Board; skewMs: number }) {
  const words = useWords();
  const sum = (of: (queue: Board["queues"][number]) => number) =>
    board.queues.reduce((total, queue) => total + of(queue), 0);
  const waiting = board.queues.flatMap((queue) => queue.longest_since ?? []);
  const offered = sum((queue) => queue.offered);
  const inTime = sum((queue) => queue.in_time);
  const { pops } = board;
  return (
    <dl className="sv-tiles">
      <Tile name={words("sv_live")}>{board.calls_total}</Tile>
      <Tile name={words("sv_in_menu")}>{board.in_menu}</Tile>
      <Tile name={words("sv_waiting")}>{sum((queue) => queue.waiting)}</Tile>
      <Tile name={words("sv_longest")}>
        {waiting.length > 0 ? <Since at={Math.min(...waiting)} skewMs={skewMs} /> : "–"}
      </Tile>
      <Tile
        name={words("sv_level", { seconds: board.service_level_s })}
        below={offered > 0 ? words("sv_of", { part: inTime, of: offered }) : words("sv_none_yet")}
      >
        {offered > 0 ? percent(inTime / offered, words.language) : "–"}
      </Tile>
      <Tile
        name={words("sv_pop_level")}
        below={
          pops && pops.offered > 0
            ? words("sv_undelivered", { count: pops.undelivered, of: pops.offered })
            : words("sv_none_yet")
        }
      >
        {pops?.p50_ms != null && pops.p95_ms != null
          ? `${Math.round(pops.p50_ms)} / ${Math.round(pops.p95_ms)} ms`
          : "–"}
      </Tile>
    </dl>
  );
}

function Tile(props: { name: string; below?: string; children: ReactNode }) {
  return (
    <div className="sv-tile">
      <dt>{props.name}</dt>
      <dd className="sv-figure">{props.children}</dd>
      <dd className="faint">{props.below ?? "\u00a0"}</dd>
    </div>
  );
}
