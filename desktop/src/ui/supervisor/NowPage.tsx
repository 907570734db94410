import { clock, percent, phone } from "../../core/format";
import type {
  AgentRow,
  Board,
  CallRow,
  EndedRow,
  LostPop,
  PartRow,
  QueueRow,
} from "../../core/supervisor/board.gen";
import { hashOf } from "../../core/supervisor/view";
import { Since } from "../time";
import { useWords } from "../words";
import { time } from "./CallPage";
import { TablePanel } from "./Panel";
import { Tiles } from "./Tiles";

export function NowPage({ board, skewMs }: { board: Board; skewMs: number }) {
  return (
    <>
      <Tiles board={board} skewMs={skewMs} />
      <div className="sv-now">
        <Calls board={board} skewMs={skewMs} />
        <Queues queues={board.queues} skewMs={skewMs} />
        <Agents agents={board.agents} skewMs={skewMs} />
        {board.pops && board.pops.lost.length > 0 && <LostPops lost={board.pops.lost} />}
        <Ended ended={board.ended} />
        <Health parts={board.parts} />
      </div>
    </>
  );
}

/** Who calls, as the link to all that is known of the call. */
function Caller({ call }: { call: CallRow | EndedRow }) {
  const words = useWords();
  const number = call.number === null ? words("withheld") : phone(call.number);
  return (
    <a className="sv-caller" href={hashOf({ kind: "call", id: call.id })}>
      <bdi>{call.name ?? number}</bdi>
      {call.name && <bdi className="faint"> {number}</bdi>}
    </a>
  );
}

function Calls({ board, skewMs }: { board: Board; skewMs: number }) {
  const words = useWords();
  const shown = board.calls.length;
  const columns = ["sv_caller", "sv_where", "sv_since", "sv_queue", "sv_agent", "sv_total"] as const;
  return (
    <TablePanel
      name="calls"
      title={words("sv_live")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_no_calls")}
      note={
        board.calls_total > shown
          ? words("sv_more_calls", { shown, total: board.calls_total })
          : undefined
      }
    >
      {board.calls.map((call) => (
        <tr key={call.id}>
          <th scope="row">
            <Caller call={call} />
          </th>
          <td>
            <span className={`sv-stage sv-stage-${call.stage}`}>
              {words.code("sv_stage", call.stage)}
            </span>{" "}
            <bdi className="faint">{whereIn(call)}</bdi>
            {call.fallback && <span className="faint"> {words("sv_fallback")}</span>}
            {call.recording_paused_at !== null && (
              <span className="faint">
                {" "}
                {words("recording_now_paused")}{" "}
                <Since at={call.recording_paused_at} skewMs={skewMs} />
              </span>
            )}
          </td>
          <td>
            <Since at={call.since} skewMs={skewMs} />
          </td>
          <td>
            <bdi>{call.queue ?? ""}</bdi>
            {call.position !== null && (
              <span className="faint"> {words("sv_place", { position: call.position })}</span>
            )}
          </td>
          <td>
            <bdi>{call.agents.join(", ")}</bdi>
          </td>
          <td>
            <Since at={call.arrived_at} skewMs={skewMs} />
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}

function whereIn(call: CallRow): string {
  if (call.stage === "menu") return [call.menu, call.chosen].filter(Boolean).join(": ");
  return call.stage === "placed" ? call.dialled : "";
}

function Queues({ queues, skewMs }: { queues: readonly QueueRow[]; skewMs: number }) {
  const words = useWords();
  const columns = [
    "sv_queue", "sv_waiting", "sv_longest", "sv_stage_talking", "sv_ready", "sv_paused", "sv_busy",
    "sv_unreachable", "sv_in_time",
  ] as const; // prettier-ignore
  return (
    <TablePanel
      name="queues"
      title={words("sv_queues")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_no_queues")}
    >
      {queues.map((queue) => (
        <tr key={queue.name}>
          <th scope="row">
            <bdi>{queue.name}</bdi>
          </th>
          <td>{queue.waiting}</td>
          <td>
            {queue.longest_since === null ? "–" : <Since at={queue.longest_since} skewMs={skewMs} />}
          </td>
          <td>{queue.talking}</td>
          <td>{queue.ready}</td>
          <td>{queue.paused}</td>
          <td>{queue.busy}</td>
          <td>{queue.unreachable}</td>
          <td>
            {queue.offered === 0 ? (
              "–"
            ) : (
              <>
                {percent(queue.in_time / queue.offered, words.language)}{" "}
                <span className="faint">
                  {words("sv_of", { part: queue.in_time, of: queue.offered })}
                </span>
              </>
            )}
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}

function Agents({ agents, skewMs }: { agents: readonly AgentRow[]; skewMs: number }) {
  const words = useWords();
  const columns = ["sv_name", "sv_state", "sv_since", "sv_doing", "sv_since", "sv_desktops"] as const;
  return (
    <TablePanel
      name="agents"
      title={words("sv_agents")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_no_agents")}
    >
      {agents.map((agent) => (
        <tr key={agent.login}>
          <th scope="row">
            <bdi>{agent.name}</bdi>
          </th>
          <td>
            <span className={`sv-agent sv-agent-${agent.state}`}>
              <span className="dot" aria-hidden="true" />
              {words.code("sv_agent", agent.state)}
            </span>{" "}
            <bdi className="faint">{agent.reason ?? ""}</bdi>
            {agent.reachable === false && agent.state !== "offline" && (
              <span className="sv-down">{words("sv_cannot_ring")}</span>
            )}
          </td>
          <td>{agent.since === null ? "" : <Since at={agent.since} skewMs={skewMs} />}</td>
          <td>
            {agent.call === null ? (
              words.code("sv_doing", agent.doing)
            ) : (
              <a href={hashOf({ kind: "call", id: agent.call })}>
                {words.code("sv_doing", agent.doing)}
              </a>
            )}
          </td>
          <td>
            {agent.doing_since === null ? "" : <Since at={agent.doing_since} skewMs={skewMs} />}
          </td>
          <td>{words(agent.desktops > 0 ? "sv_desktop_open" : "sv_desktop_closed")}</td>
        </tr>
      ))}
    </TablePanel>
  );
}

/** Each leads to its call, where it stands what to do. */
function LostPops({ lost }: { lost: readonly LostPop[] }) {
  const words = useWords();
  const columns = ["sv_at", "sv_agent", "sv_fate"] as const;
  return (
    <TablePanel
      name="lost-pops"
      title={words("sv_lost_pops")}
      columns={columns.map((column) => words(column))}
      empty=""
    >
      {lost.map((pop, at) => (
        <tr key={at}>
          <th scope="row">
            <a href={hashOf({ kind: "call", id: pop.call })}>{time(pop.at, words.language)}</a>
          </th>
          <td>
            <bdi>{pop.agent}</bdi>
          </td>
          <td>{words.code("sv_stop", pop.why)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}

function Ended({ ended }: { ended: readonly EndedRow[] }) {
  const words = useWords();
  const columns = ["sv_caller", "sv_outcome", "sv_queue", "sv_lasted"] as const;
  return (
    <TablePanel
      name="ended"
      title={words("sv_ended")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_none_yet")}
    >
      {ended.map((call) => (
        <tr key={call.id}>
          <th scope="row">
            <Caller call={call} />
          </th>
          <td>{words.code("sv_outcome", call.outcome)}</td>
          <td>
            <bdi>{call.queue ?? ""}</bdi>
          </td>
          <td className="clock">{clock(call.lasted_s * 1000)}</td>
        </tr>
      ))}
    </TablePanel>
  );
}

function Health({ parts }: { parts: readonly PartRow[] }) {
  const words = useWords();
  const columns = ["sv_part", "sv_state", "sv_says"] as const;
  return (
    <TablePanel
      name="health"
      title={words("sv_health")}
      columns={columns.map((column) => words(column))}
      empty={words("sv_none_yet")}
    >
      {parts.map((part) => (
        <tr key={part.name}>
          <th scope="row">{part.name}</th>
          <td>
            <span className={part.ok ? "sv-ok" : "sv-down"}>
              {words(part.ok ? "sv_part_ok" : "sv_part_down")}
            </span>
          </td>
          <td>
            <bdi>{part.detail}</bdi>
          </td>
        </tr>
      ))}
    </TablePanel>
  );
}
