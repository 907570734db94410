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

  /** The tag is the call's: another title of the same call, once the caller is known, takes the
   * place of the first without a sound. */
  show(call: string, title: string): void {
    if (this.consent !== "granted" || !document.hidden || this.open.get(call)?.title === title) return;
    const options = { tag: call, icon: "/icon.svg", requireInteraction: true };
    const notice = new Notification(title, options);
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
