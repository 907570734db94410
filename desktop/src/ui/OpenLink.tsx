import { link } from "../core/format";
import type { OpenShown } from "../core/protocol.gen";
import { useWords } from "./words";

/** The caller in another program: a link, also where it opened by itself. */
export function OpenLink({ address }: { address: OpenShown }) {
  const words = useWords();
  const url = link(address.url);
  if (!url) return null;
  return (
    <a className="crm" href={url} target="_blank" rel="noopener noreferrer">
      {words("open_page", { host: new URL(url).host })} <span aria-hidden="true">↗</span>
    </a>
  );
}
