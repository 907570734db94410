import { phone, percent } from "../../core/format";
import { callTold, type CallTold, type Decision, type Explained } from "../../core/supervisor/api";
import { hashOf } from "../../core/supervisor/view";
import { useWords } from "../words";
import { useAsked } from "./asked";
import { TablePanel } from "./Panel";
import { PopSteps } from "./PopSteps";
import { PopStops } from "./PopStops";

/** One call: what was decided and why, how it went on, and each pop's way to the screen. */
export function CallPage({ id }: { id: string }) {
  const words = useWords();
  const { value, failed, again } = useAsked(() => callTold(id), id);
  return (
    <article className="sv-call">
      <p className="sv-row">
        <a href={hashOf({ kind: "now" })}>{words("sv_back")}</a>
        <button type="button" onClick={again}>
          {words("sv_read_again")}
        </button>
      </p>
      {failed && (
        <p className="sv-bad" role="alert">
          {failed.code === "no_call"
            ? words("sv_no_call")
            : words("sv_failed", { why: failed.message })}
        </p>
      )}
      {!failed && !value && <p className="faint">{words("sv_loading")}</p>}
      {value && <Told told={value} />}
    </article>
  );
}

function Told({ told }: { told: CallTold }) {
  const words = useWords();
  const { explained, pops, stops } = told;
  return (
    <>
      <Head explained={explained} />
      <h2>{words("sv_decision")}</h2>
      {explained.decision ? (
        <Decided decision={explained.decision} />
      ) : (
        <p className="faint">{words("sv_no_decision")}</p>
      )}
      <Course explained={explained} />
      <PopStops stops={stops} />
      <PopSteps steps={pops} />
    </>
  );
}

function Head({ explained }: { explained: Explained }) {
  const words = useWords();
  const { caller, call, identity } = explained;
  const number = caller.number ? phone(caller.number) : words("withheld");
  const facts: readonly (readonly [string, string])[] = [
    [words("sv_arrived"), time(call.arrived_at, words.language)],
    [words("sv_dialled"), phone(explained.dialled)],
    [words("sv_recognised"), words.code("outcome", identity.outcome)],
    [words("sv_queue"), call.queue ?? "–"],
    [
      words("sv_outcome"),
      call.outcome ? words.code("sv_outcome", call.outcome) : words("sv_goes_on"),
    ],
    [words("sv_version"), explained.rulebook_version ?? "–"],
    [words("sv_record"), call.record ?? "–"],
    [words("sv_lead"), call.lead ?? "–"],
  ];
  return (
    <header>
      <h2 className="sv-who">
        <bdi>{caller.name ?? caller.company ?? number}</bdi>{" "}
        {caller.name && <bdi className="faint">{number}</bdi>}{" "}
        {caller.tier && <span className="sv-tier">{words.code("tier", caller.tier)}</span>}
      </h2>
      <p className="faint">{call.id}</p>
      <Facts facts={facts} />
    </header>
  );
}

function Facts({ facts }: { facts: readonly (readonly [string, string])[] }) {
  return (
    <dl className="sv-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Decided({ decision }: { decision: Decision }) {
  const words = useWords();
  const { route } = decision;
  const goal = [
    [route.kind === "action" ? "" : route.kind, route.target].filter(Boolean).join(" "),
    route.rule && words("sv_by_rule", { rule: route.rule }),
    route.priority > 0 && words("sv_priority", { priority: route.priority }),
  ].filter(Boolean);
  const facts: readonly (readonly [string, string])[] = [
    [words("sv_goes_to"), goal.join(", ")],
    [
      words("sv_hears"),
      [decision.menu, decision.language, decision.greeting && `“${decision.greeting}”`]
        .filter(Boolean)
        .join(", "),
    ],
    [words("sv_hold"), decision.hold_programme ?? "–"],
  ];
  const matched = (yes: boolean) => words(yes ? "sv_yes" : "sv_no");
  return (
    <>
      <Facts facts={facts} />
      <TablePanel
        name="rules"
        title={words("sv_rules")}
        columns={[words("sv_rule"), words("sv_matched"), words("sv_because")]}
        empty={words("sv_none_yet")}
      >
        {decision.rules.map((rule) => (
          <tr key={`${rule.group}:${rule.name}`} className={rule.matched ? "sv-matched" : undefined}>
            <th scope="row">
              <bdi>{`${rule.group}: ${rule.name}`}</bdi>
            </th>
            <td>{matched(rule.matched)}</td>
            <td>
              <bdi>{rule.because}</bdi>
            </td>
          </tr>
        ))}
      </TablePanel>
      {decision.menu && (
        <TablePanel
          name="options"
          title={words("sv_options", { menu: decision.menu })}
          columns={[words("sv_key"), words("sv_option"), words("sv_wanted"), words("sv_because")]}
          empty={words("sv_none_yet")}
        >
          {decision.options.map((option) => (
            <tr key={option.digit}>
              <th scope="row">{option.digit}</th>
              <td>
                <bdi>{option.intent}</bdi> <bdi className="faint">{option.say}</bdi>
              </td>
              <td>
                {option.probability === null ? "" : percent(option.probability, words.language)}
              </td>
              <td>
                <bdi>{option.reasons.join("; ")}</bdi>
              </td>
            </tr>
          ))}
        </TablePanel>
      )}
      {decision.offers.length > 0 && (
        <TablePanel
          name="offers"
          title={words("sv_offers")}
          columns={[words("sv_offer"), words("sv_made"), words("sv_because")]}
          empty=""
        >
          {decision.offers.map((offer) => (
            <tr key={offer.offer} className={offer.chosen ? "sv-matched" : undefined}>
              <th scope="row">
                <bdi>{offer.offer}</bdi>
              </th>
              <td>{matched(offer.chosen)}</td>
              <td>
                <bdi>{offer.reasons.join("; ")}</bdi>
              </td>
            </tr>
          ))}
        </TablePanel>
      )}
    </>
  );
}

function Course({ explained }: { explained: Explained }) {
  const words = useWords();
  const { call } = explained;
  const anew = [...call.earlier_decisions, ...call.later_decisions]
    .map((one) => one.changes ?? [])
    .filter((changes) => changes.length > 0)
    .map((changes) => words("sv_changed", { what: changes.join("; ") }));
  const keys = call.keys.map((key) => {
    const pressed = key.digits
      ? words("sv_pressed", { menu: key.menu, digits: key.digits })
      : words("sv_pressed_none", { menu: key.menu });
    return `${pressed}: ${key.intent ?? key.outcome}`;
  });
  const legs = call.legs.map((leg) => {
    const rang = words("sv_rang", { agent: leg.agent });
    if (!leg.answered_at) return rang;
    return `${rang}, ${words("sv_answered", { at: time(leg.answered_at, words.language) })}`;
  });
  const lines = [...keys, ...anew, ...legs];
  return (
    <section className="sv-panel">
      <h2>{words("sv_course")}</h2>
      {lines.length === 0 && <p className="faint">{words("sv_nothing_yet")}</p>}
      <ol className="sv-course">
        {lines.map((line, at) => (
          <li key={at}>
            <bdi>{line}</bdi>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function time(at: string | number, language: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" }).format(date);
}
