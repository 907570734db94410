/** A sentence of the server's, what stands between `backticks` as code. */
export function Coded({ text }: { text: string }) {
  return text.split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part));
}
