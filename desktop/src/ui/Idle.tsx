import { useWords } from "./words";

export function Idle({ available, onMyCalls }: { available: boolean; onMyCalls: () => void }) {
  const words = useWords();
  return (
    <div className="idle">
      <div className={available ? "rings rings-live" : "rings"} aria-hidden="true">
        <span />
        <span />
        <span />
      </div>
      <h2>{words(available ? "idle_title" : "idle_off_title")}</h2>
      <p>{words(available ? "idle_text" : "offline_hint")}</p>
      <button type="button" onClick={onMyCalls}>
        {words("my_calls_look")}
      </button>
    </div>
  );
}
