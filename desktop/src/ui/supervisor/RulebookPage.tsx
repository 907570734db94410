import { useState } from "react";
import * as api from "../../core/supervisor/api";
import { useWords } from "../words";
import { refusedBy, useAsked } from "./asked";
import { ConfirmMove } from "./ConfirmMove";
import { Problems } from "./Problems";
import { Versions } from "./Versions";

/** What a person is asked to confirm. */
type Move = { readonly kind: "publish" | "rollback"; readonly version: string };

/** `mayMove`: publish and roll back; an auditor looks and checks. */
export function RulebookPage({ current, mayMove }: { current: string; mayMove: boolean }) {
  const words = useWords();
  const { value: state, failed, again } = useAsked(api.rulebook, current);
  const [checked, setChecked] = useState<api.Checked | null>(null);
  const [move, setMove] = useState<Move | null>(null);
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState<{ good: boolean; text: string } | null>(null);

  async function attempt(work: () => Promise<void>) {
    setBusy(true);
    setTold(null);
    try {
      await work();
    } catch (error) {
      setTold({ good: false, text: words("sv_failed", { why: refusedBy(error).message }) });
    } finally {
      setBusy(false);
    }
  }

  const check = () => attempt(async () => setChecked(await api.check()));
  const confirm = (comment: string) => {
    if (!move) return;
    setMove(null);
    void attempt(async () => {
      const done = await (move.kind === "publish" ? api.publish : api.rollBack)(move.version, comment);
      setChecked(done.good ? null : done);
      if (done.good) setTold({ good: true, text: words("sv_published", { version: done.version }) });
      again();
    });
  };

  if (failed) return <Failed why={failed.message} />;
  if (!state) return <p className="faint">{words("sv_loading")}</p>;
  const isSame = checked?.version === state.current;
  return (
    <div className="sv-rulebook">
      <section className="sv-panel">
        <h2>{words("sv_rulebook")}</h2>
        <dl className="sv-facts">
          <div>
            <dt>{words("sv_current")}</dt>
            <dd className="sv-code">{state.current}</dd>
          </div>
          <div>
            <dt>{words("sv_folder")}</dt>
            <dd className="sv-code">
              <bdi>{state.folder ?? "–"}</bdi>
            </dd>
          </div>
        </dl>
        {state.folder === null && <p>{words("sv_no_folder")}</p>}
        {state.folder !== null && state.watched && <p>{words("sv_watched")}</p>}
        {!mayMove && <p>{words("sv_read_only")}</p>}
        {!state.folder_good && (
          <p className="sv-bad">{words("sv_folder_broken", { version: state.current })}</p>
        )}
        <p className="sv-row">
          <button
            type="button"
            disabled={busy || state.folder === null}
            onClick={() => void check()}
          >
            {words(busy ? "sv_checking" : "sv_check")}
          </button>
          {mayMove && checked?.good && !isSame && (
            <button
              type="button"
              className="primary"
              disabled={busy}
              onClick={() => setMove({ kind: "publish", version: checked.version })}
            >
              {words("sv_publish")}
            </button>
          )}
        </p>
        <p role="status" className={told?.good === false ? "sv-bad" : "sv-told"}>
          {told?.text}
          {!told && checked && words(checked.good ? (isSame ? "sv_same" : "sv_good") : "sv_bad")}
        </p>
        {checked && checked.problems.length > 0 && <Problems problems={checked.problems} />}
        {!checked && state.folder_problems.length > 0 && (
          <Problems problems={state.folder_problems} />
        )}
      </section>
      <Versions
        versions={state.versions}
        current={state.current}
        busy={busy}
        mayMove={mayMove}
        onRollBack={(version) => setMove({ kind: "rollback", version })}
      />
      {move && <ConfirmMove move={move} onConfirm={confirm} onCancel={() => setMove(null)} />}
    </div>
  );
}

function Failed({ why }: { why: string }) {
  const words = useWords();
  return (
    <p className="sv-bad" role="alert">
      {words("sv_failed", { why })}
    </p>
  );
}
