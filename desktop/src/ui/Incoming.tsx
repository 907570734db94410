import { useEffect } from "react";
import type { Pop } from "../core/store";
import { callerName } from "./caller";
import { useWords } from "./words";

/** Tells a screen reader, and the tab's title, that the phone rings; the focus stays put. */
export function Incoming({ pops }: { pops: readonly Pop[] }) {
  const words = useWords();
  const ringing = pops.filter((pop) => pop.state === "offered");
  const newest = ringing.at(-1);
  const text = newest
    ? words("incoming", {
        who: callerName(newest.content, words),
        queue: words.code("queue", newest.content.call.queue ?? ""),
      })
    : "";
  useEffect(() => {
    document.title = newest ? `☎ ${callerName(newest.content, words)}` : words("app");
  }, [newest, words]);
  return (
    <div className="unseen" role="alert">
      {text}
    </div>
  );
}
