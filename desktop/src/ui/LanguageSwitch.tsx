import { LANGUAGES, type Language } from "../core/i18n";
import { useWords } from "./words";

interface Props {
  language: Language;
  onLanguage: (language: Language) => void;
}

export function LanguageSwitch({ language, onLanguage }: Props) {
  const words = useWords();
  return (
    <div className="languages" role="group" aria-label={words("language")}>
      {LANGUAGES.map(({ code, name }) => (
        <button
          key={code}
          type="button"
          lang={code === "zh" ? "zh-CN" : "en"}
          aria-pressed={code === language}
          onClick={() => onLanguage(code)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}
