import { expect, test } from "vitest";
import { HIDDEN_WAITS_MS, Opener, type OpenerPorts } from "./opener";
import type { OpenShown } from "./protocol.gen";

const AUTO: OpenShown = { url: "https://crm.example/1", mode: "auto" };

/** Tabs of one browser: they share who has opened what. */
class Browser {
  readonly opened: string[] = [];
  readonly waiting: (() => void)[] = [];
  private readonly claimed = new Set<string>();

  tab(hidden = false): Opener {
    const ports: OpenerPorts = {
      open: (url) => this.opened.push(url),
      isHidden: () => hidden,
      later: (ms, run) => {
        expect(ms).toBe(HIDDEN_WAITS_MS);
        this.waiting.push(run);
      },
      claim: async (id) => !this.claimed.has(id) && Boolean(this.claimed.add(id)),
    };
    return new Opener(ports);
  }

  async settle(): Promise<void> {
    for (const run of this.waiting.splice(0)) run();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

test("an answered call opens its address once, however often it changes", async () => {
  const browser = new Browser();
  const tab = browser.tab();
  tab.answered("p1", null);
  tab.answered("p1", AUTO);
  tab.answered("p1", { ...AUTO, url: "https://crm.example/2" });
  await browser.settle();
  expect(browser.opened).toEqual([AUTO.url]);
});

test("what waits for a click is not opened", async () => {
  const browser = new Browser();
  browser.tab().answered("p1", { ...AUTO, mode: "click" });
  await browser.settle();
  expect(browser.opened).toEqual([]);
});

test("of two tabs the one that is looked at opens it", async () => {
  const browser = new Browser();
  browser.tab(true).answered("p1", { ...AUTO, url: "https://crm.example/hidden" });
  browser.tab().answered("p1", AUTO);
  await browser.settle();
  expect(browser.opened).toEqual([AUTO.url]);
});

test("a hidden tab alone opens it too, and a reloaded one does not again", async () => {
  const browser = new Browser();
  browser.tab(true).answered("p1", AUTO);
  await browser.settle();
  browser.tab().answered("p1", AUTO);
  await browser.settle();
  expect(browser.opened).toEqual([AUTO.url]);
});
