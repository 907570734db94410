import { useLayoutEffect, useRef, useSyncExternalStore } from "react";
import type { PagePhone } from "../core/phone/page_phone";
import type { Shortcuts } from "../core/shortcuts";
import { ShortcutList } from "./ShortcutList";
import { useWords } from "./words";

/** Over the page; Escape closes it, and the focus is where it was. */
export function KeysHelp(props: { shortcuts: Shortcuts; page: PagePhone; onClose: () => void }) {
  const words = useWords();
  const { shortcuts } = props;
  const { softphone } = props.page;
  const { offered } = useSyncExternalStore(softphone.subscribe, softphone.snapshot);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useLayoutEffect(() => shortcuts.cover(), [shortcuts]);
  return (
    <dialog ref={dialog} className="keys-help" aria-labelledby="keys-help" onClose={props.onClose}>
      <header>
        <h2 id="keys-help">{words("shortcuts")}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          {words("dismiss")}
        </button>
      </header>
      <ShortcutList shortcuts={shortcuts} phone={offered} />
    </dialog>
  );
}
