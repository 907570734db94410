import { useEffect, useState } from "react";
import { clock } from "../core/format";

/** Ticks in its own element, so that a second going by draws nothing else anew. */
export function Since({ at, skewMs = 0 }: { at: number; skewMs?: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [at]);
  return <time className="clock">{clock(now + skewMs - at)}</time>;
}

/** Counts down to a time of the server's clock. */
export function Until({ at, skewMs = 0 }: { at: number; skewMs?: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [at]);
  return <time className="clock">{clock(at - now - skewMs)}</time>;
}
