import { useDoings, useKeysOf } from "../keys";
import { useWords } from "../words";

export interface MyCallsButtonProps {
  /** They are on the stage. */
  seen: boolean;
  onToggle: () => void;
}

export function MyCallsButton({ seen, onToggle }: MyCallsButtonProps) {
  const words = useWords();
  const keysOf = useKeysOf();
  useDoings({
    my_calls: () => {
      onToggle();
      return true;
    },
  });
  return (
    <button type="button" {...keysOf("my_calls")} aria-pressed={seen} onClick={onToggle}>
      {words("my_calls")}
    </button>
  );
}
