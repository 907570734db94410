import { createContext, useContext } from "react";
import { translator, type Translate } from "../core/i18n";

export const Words = createContext<Translate>(translator("en"));

export function useWords(): Translate {
  return useContext(Words);
}
