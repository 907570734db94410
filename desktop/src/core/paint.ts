/** When a change is on the screen: the frame after the one that drew it has begun. */

/** `painted` gets false where nothing is painted, because the tab is hidden. */
export function afterPaint(painted: (visible: boolean) => void): void {
  if (document.visibilityState === "hidden") {
    painted(false);
    return;
  }
  let done = false;
  const finish = (visible: boolean) => {
    if (done) return;
    done = true;
    document.removeEventListener("visibilitychange", onHidden);
    painted(visible);
  };
  // A tab hidden meanwhile gets no animation frames: acknowledge all the same.
  const onHidden = () => document.visibilityState === "hidden" && finish(false);
  document.addEventListener("visibilitychange", onHidden);
  requestAnimationFrame(() => requestAnimationFrame(() => finish(true)));
}
