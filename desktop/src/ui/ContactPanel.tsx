import type { ReactNode } from "react";
import { day, money } from "../core/format";
import type { CaseShown, ContactShown, OrderShown, PopContent, PurchaseShown } from "../core/protocol.gen";
import { useWords } from "./words";

/** What the CRM knows: what is open first, then what was bought. */
export function ContactPanel({ contact, content }: { contact: ContactShown; content: PopContent }) {
  const words = useWords();
  const orders = contact.orders.filter((order) => order.is_open);
  const cases = contact.cases.filter((one) => one.is_open);
  const spent = content.segments?.spend_12m;
  const currency = contact.purchases[0]?.currency ?? "USD";
  return (
    <>
      <section className="panel">
        <h3>{words("orders")}</h3>
        <Lines none={words("orders_none")}>
          {orders.map((order) => (
            <Order key={order.id} order={order} />
          ))}
        </Lines>
        <h3>{words("cases")}</h3>
        <Lines none={words("cases_none")}>
          {cases.map((one) => (
            <Case key={one.id} one={one} />
          ))}
        </Lines>
      </section>
      <section className="panel">
        <h3>{words("purchases")}</h3>
        <Lines none={words("purchases_none")}>
          {contact.purchases.map((purchase, index) => (
            <Purchase key={index} purchase={purchase} />
          ))}
        </Lines>
        <dl className="facts">
          {spent !== undefined && (
            <div>
              <dt>{words("spend")}</dt>
              <dd>{money(spent, currency, words.language)}</dd>
            </div>
          )}
          {contact.owner && (
            <div>
              <dt>{words("owner")}</dt>
              <dd>
                <bdi>{contact.owner}</bdi>
              </dd>
            </div>
          )}
        </dl>
      </section>
    </>
  );
}

function Lines({ none, children }: { none: string; children: ReactNode[] }) {
  return children.length === 0 ? <p className="faint">{none}</p> : <ul className="lines">{children}</ul>;
}

function Order({ order }: { order: OrderShown }) {
  const words = useWords();
  return (
    <li>
      <span className="line-top">
        <bdi className="line-name">{order.product_name}</bdi>
        {order.late_days > 0 && (
          <span className="badge badge-late">
            {words(order.late_days === 1 ? "late_one" : "late", { days: order.late_days })}
          </span>
        )}
      </span>
      <span className="faint">
        <bdi>{order.id}</bdi> · {words.code("order", order.status)}
        {order.due_on && <> · {words("due", { day: day(order.due_on, words.language) })}</>}
      </span>
    </li>
  );
}

function Case({ one }: { one: CaseShown }) {
  const words = useWords();
  return (
    <li>
      <span className="line-top">
        <bdi className="line-name">{one.subject}</bdi>
        <span className={`badge badge-case-${one.case_kind}`}>{words.code("case", one.case_kind)}</span>
      </span>
      <span className="faint">
        <bdi>{one.id}</bdi> · {words("since", { day: day(one.opened_at, words.language) })}
      </span>
    </li>
  );
}

function Purchase({ purchase }: { purchase: PurchaseShown }) {
  const words = useWords();
  return (
    <li>
      <span className="line-top">
        <bdi className="line-name">
          {purchase.quantity > 1 && `${purchase.quantity} × `}
          {purchase.product_name}
        </bdi>
        <span className="amount">{money(purchase.amount, purchase.currency, words.language)}</span>
      </span>
      <span className="faint">{day(purchase.at, words.language)}</span>
    </li>
  );
}
