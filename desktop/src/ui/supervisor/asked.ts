import { useCallback, useEffect, useState } from "react";
import { Refused } from "../../core/supervisor/api";

export interface Asked<T> {
  readonly value: T | null;
  readonly failed: Refused | null;
  readonly again: () => void;
}

/** What the server answers, asked anew when `key` changes; the answer before stays meanwhile. */
export function useAsked<T>(ask: () => Promise<T>, key: string): Asked<T> {
  const [value, setValue] = useState<T | null>(null);
  const [failed, setFailed] = useState<Refused | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    ask().then(
      (found) => {
        if (!wanted) return;
        setValue(found);
        setFailed(null);
      },
      (error: unknown) => {
        if (wanted) setFailed(refusedBy(error));
      },
    );
    return () => {
      wanted = false;
    };
  }, [key, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { value, failed, again };
}

export function refusedBy(error: unknown): Refused {
  return error instanceof Refused ? error : new Refused("refused", String(error));
}
