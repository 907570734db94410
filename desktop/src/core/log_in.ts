/** Logging in: a password, a code where one is wanted, or the company's own log-in. */

export interface Asked {
  readonly login: string;
  readonly password: string;
  /** Of the second factor. */
  readonly code?: string;
  /** Of which second factor that was offered; see `Offer`. */
  readonly enrolment?: string;
}

/** A second factor to be set up; it counts as soon as a code of it comes with `enrolment`. */
export interface Offer {
  readonly enrolment: string;
  readonly secret: string;
  /** A text for each row of the picture, of 0 (light) and 1 (dark). */
  readonly qr: readonly string[];
}

export type Failure = "wrong" | "wrong_code" | "too_many" | "too_many_codes" | "unavailable";
export type Answer =
  | { readonly kind: "in"; readonly recoveryCodes: readonly string[] }
  | { readonly kind: "code_wanted" }
  | { readonly kind: "enrolment_wanted"; readonly offer: Offer }
  | { readonly kind: "failed"; readonly failure: Failure };

interface Told {
  readonly error?: string;
  readonly recovery_codes?: readonly string[];
  readonly enrolment?: string;
  readonly secret?: string;
  readonly qr?: readonly string[];
}

export async function logIn(asked: Asked): Promise<Answer> {
  try {
    const response = await fetch("/api/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    const told = (await response.json().catch(() => ({}))) as Told;
    return answerOf(response.status, told);
  } catch {
    return failed("unavailable");
  }
}

export function answerOf(status: number, told: Told): Answer {
  if (status === 200) return { kind: "in", recoveryCodes: told.recovery_codes ?? [] };
  if (status === 429) return failed(told.error === "too_many_codes" ? told.error : "too_many");
  if (status !== 400 && status !== 401) return failed("unavailable");
  switch (told.error) {
    case "code_wanted":
      return { kind: "code_wanted" };
    case "wrong_code":
      return failed("wrong_code");
    case "enrolment_wanted": {
      const { enrolment = "", secret = "", qr = [] } = told;
      return { kind: "enrolment_wanted", offer: { enrolment, secret, qr } };
    }
    default:
      return failed("wrong");
  }
}

/** The dark squares of a picture, as what an SVG path draws; one unit each, with the quiet zone of
 * four that readers need. */
export function squares(rows: readonly string[]): string {
  return rows
    .flatMap((row, y) =>
      [...row.matchAll(/1+/g)].map((dark) => `M${dark.index + 4} ${y + 4}h${dark[0].length}v1h-${dark[0].length}z`),
    )
    .join("");
}

/** Why the company's own log-in let nobody in; `who` is whom it named. */
export interface WayFailed {
  readonly code: "stale" | "refused" | "away" | "untrusted" | "unverified" | "nobody";
  readonly who: string;
}

export interface Ways {
  /** What the company's own log-in is called; null: there is none. */
  readonly oidc: string | null;
  readonly failed: WayFailed | null;
}

/** Null where the server does not say: then there is the password. */
export async function ways(): Promise<Ways | null> {
  try {
    const response = await fetch("/api/v1/session/ways");
    return response.ok ? ((await response.json()) as Ways) : null;
  } catch {
    return null;
  }
}

/** Of the page that is open. */
export function wayOver(path: string): string {
  return path === "/supervisor" ? "/api/v1/session/oidc?to=supervisor" : "/api/v1/session/oidc";
}

function failed(failure: Failure): Answer {
  return { kind: "failed", failure };
}
