/** Opens the address of an answered call by itself: once for each pop, whatever tabs there are. */

import type { OpenShown } from "./protocol.gen";

export interface OpenerPorts {
  open(url: string): void;
  isHidden(): boolean;
  later(ms: number, run: () => void): void;
  /** True for the first who asks for this pop, in any tab, also after a reload. */
  claim(popId: string): Promise<boolean>;
}

/** So long a tab that is not looked at leaves the opening to one that is. */
export const HIDDEN_WAITS_MS = 500;

export class Opener {
  private readonly begun = new Set<string>();

  constructor(private readonly ports: OpenerPorts) {}

  /** To be told of each answered pop as often as it changes. */
  answered(popId: string, address: OpenShown | null): void {
    if (address?.mode !== "auto" || this.begun.has(popId)) return;
    this.begun.add(popId);
    const open = async () => {
      if (await this.ports.claim(popId)) this.ports.open(address.url);
    };
    if (this.ports.isHidden()) this.ports.later(HIDDEN_WAITS_MS, () => void open());
    else void open();
  }
}

const OPENED = "opened";
const REMEMBERED = 50;

/** The ports of a real page. What was opened is known to all tabs of the browser. */
export function pagePorts(): OpenerPorts {
  return {
    // The page that opens cannot reach back to this one.
    open: (url) => void window.open(url, "_blank", "noopener,noreferrer"),
    isHidden: () => document.visibilityState === "hidden",
    later: (ms, run) => void setTimeout(run, ms),
    // Where nothing may be kept, each tab opens it: better twice than not at all.
    claim: (popId) => claimed(popId).catch(() => true),
  };
}

/**
 * Whether this tab is the first that keeps this pop. Transactions of all tabs come one after the
 * other, while localStorage may tell a tab what was there before another wrote (HTML Standard,
 * Web storage: nothing locks it; seen in Chromium on a busy machine).
 */
async function claimed(popId: string): Promise<boolean> {
  const asked = indexedDB.open("switchboard", 1);
  asked.onupgradeneeded = () => {
    const pops = asked.result.createObjectStore(OPENED, { autoIncrement: true });
    pops.createIndex("pop", "pop", { unique: true });
  };
  const database = await answered(asked);
  try {
    const pops = database.transaction(OPENED, "readwrite").objectStore(OPENED);
    if (await answered(pops.index("pop").getKey(popId))) return false;
    const place = Number(await answered(pops.add({ pop: popId })));
    await answered(pops.delete(IDBKeyRange.upperBound(place - REMEMBERED)));
    return true;
  } finally {
    database.close();
  }
}

function answered<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("not kept"));
  });
}
