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

const OPENED = "switchboard.opened";
const REMEMBERED = 50;

/** The ports of a real page. The list of opened pops is the browser's, so all tabs share it. */
export function pagePorts(): OpenerPorts {
  return {
    // The page that opens cannot reach back to this one.
    open: (url) => void window.open(url, "_blank", "noopener,noreferrer"),
    isHidden: () => document.visibilityState === "hidden",
    later: (ms, run) => void setTimeout(run, ms),
    claim: async (popId) => {
      const locks = navigator.locks as LockManager | undefined;
      // Pages without encryption have no locks; two tabs at the very same moment may then open twice.
      return locks ? locks.request(OPENED, async () => claimed(popId)) : claimed(popId);
    },
  };
}

function claimed(popId: string): boolean {
  const opened = (localStorage.getItem(OPENED) ?? "").split(" ");
  if (opened.includes(popId)) return false;
  localStorage.setItem(OPENED, [...opened, popId].slice(-REMEMBERED).join(" ").trim());
  return true;
}
