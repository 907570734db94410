import { useEffect, useId, useRef, useState } from "react";
import { useWords } from "../words";

interface Props {
  move: { readonly kind: "publish" | "rollback"; readonly version: string };
  onConfirm: (comment: string) => void;
  onCancel: () => void;
}

/** Of config.rulebook_versions. */
const MAX_COMMENT = 500;

/** The browser keeps the focus inside, closes on Escape and gives the focus back. */
export function ConfirmMove({ move, onConfirm, onCancel }: Props) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [comment, setComment] = useState("");
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const { version } = move;
  const isBack = move.kind === "rollback";
  return (
    <dialog ref={dialog} className="sv-dialog" aria-labelledby={title} onCancel={onCancel}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm(comment);
        }}
      >
        <h2 id={title}>{words(isBack ? "sv_roll_back_title" : "sv_publish_title", { version })}</h2>
        <p>{words("sv_move_text")}</p>
        {isBack && <p>{words("sv_roll_back_text")}</p>}
        <label>
          {words("sv_comment")}
          <input
            value={comment}
            maxLength={MAX_COMMENT}
            onChange={(event) => setComment(event.target.value)}
          />
        </label>
        <p className="sv-row">
          <button type="submit" className="primary">
            {words(isBack ? "sv_roll_back_now" : "sv_publish_now")}
          </button>
          <button type="button" onClick={onCancel}>
            {words("sv_cancel")}
          </button>
        </p>
      </form>
    </dialog>
  );
}
