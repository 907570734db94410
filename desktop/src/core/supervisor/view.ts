/** What the page shows, as its address says after the #. */

export type View =
  | { readonly kind: "now" }
  | { readonly kind: "rulebook" }
  | { readonly kind: "models" }
  | { readonly kind: "outbox" }
  | { readonly kind: "call"; readonly id: string };

const CALL = "#/call/";

export function viewOf(hash: string): View {
  if (hash === "#/rulebook") return { kind: "rulebook" };
  if (hash === "#/models") return { kind: "models" };
  if (hash === "#/outbox") return { kind: "outbox" };
  if (hash.startsWith(CALL)) {
    try {
      return { kind: "call", id: decodeURIComponent(hash.slice(CALL.length)) };
    } catch {
      return { kind: "now" };
    }
  }
  return { kind: "now" };
}

export function hashOf(view: View): string {
  if (view.kind === "call") return CALL + encodeURIComponent(view.id);
  return view.kind === "now" ? "#/" : `#/${view.kind}`;
}
