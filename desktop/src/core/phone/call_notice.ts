/** A ring told outside the page: by the desktop's own notifications, one for each call. */

export type NoticeConsent = "unsupported" | "default" | "granted" | "denied";

export class CallNotices {
  private readonly open = new Map<string, Notification>();

  get consent(): NoticeConsent {
    return "Notification" in window ? Notification.permission : "unsupported";
  }

  /** Only ever by a click: browsers refuse pages that ask unasked. */
  async ask(): Promise<NoticeConsent> {
    return Notification.requestPermission();
  }

  /** The tag is the call's, so that a second notice of it takes the place of the first. */
  show(call: string, title: string): void {
    if (this.consent !== "granted" || !document.hidden || this.open.has(call)) return;
    const notice = new Notification(title, { tag: call, icon: "/icon.svg", requireInteraction: true });
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
    this.open.set(call, notice);
  }

  closeAllBut(calls: ReadonlySet<string>): void {
    for (const [call, notice] of this.open) {
      if (calls.has(call)) continue;
      notice.close();
      this.open.delete(call);
    }
  }
}
