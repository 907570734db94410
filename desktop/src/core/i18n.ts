/** The two languages, and words with something filled in. */

import { words } from "./format";
import { MESSAGES, type Word } from "./messages";

export type Language = keyof typeof MESSAGES;
export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "zh", name: "中文" },
];

const KEPT = "switchboard.language";

export interface Translate {
  (word: Word, filled?: Record<string, string | number>): string;
  readonly language: Language;
  /** A code of the server's, such as tier + vip; an unknown one is shown as words. */
  code(family: string, code: string): string;
}

export function translator(language: Language): Translate {
  const messages: Record<string, string> = MESSAGES[language];
  const say = (word: Word, filled: Record<string, string | number> = {}) =>
    (messages[word] ?? word).replace(/\{(\w+)\}/g, (whole, name: string) =>
      String(filled[name] ?? whole),
    );
  const code = (family: string, name: string) =>
    Object.hasOwn(messages, `${family}_${name}`)
      ? (messages[`${family}_${name}`] as string)
      : words(name);
  return Object.assign(say, { language, code });
}

/** What the server says in both languages; English where there is no Chinese. */
export function inLanguage(
  language: Language,
  english: readonly string[],
  chinese: readonly string[],
): readonly string[] {
  return language === "zh" && chinese.length > 0 ? chinese : english;
}

export function isLanguage(code: string | null | undefined): code is Language {
  return code === "en" || code === "zh";
}

/** What was chosen here before, else the browser's. */
export function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT);
  if (isLanguage(kept)) return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function keepLanguage(language: Language): void {
  localStorage.setItem(KEPT, language);
}
