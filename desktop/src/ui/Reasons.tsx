/** Sentences of why, the weightiest first. */
export function Reasons({ reasons }: { reasons: readonly string[] }) {
  return (
    <ul className="reasons">
      {reasons.map((why, index) => (
        <li key={index}>
          <bdi>{why}</bdi>
        </li>
      ))}
    </ul>
  );
}
