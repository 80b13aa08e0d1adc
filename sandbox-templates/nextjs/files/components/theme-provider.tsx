"use client";

import { createContext, use, useEffect, useMemo, useState, type ReactNode } from "react";

export type Theme = "light" | "dark" | "system";

interface ThemeState {
  /** What was chosen. */
  theme: Theme;
  /** What is shown. */
  resolved: "light" | "dark";
  setTheme: (theme: Theme) => void;
}

const KEY = "theme";
const ThemeContext = createContext<ThemeState | null>(null);

// Runs before the page is painted, so that it does not flash in the wrong theme.
export const themeScript = `try{var t=localStorage.getItem("${KEY}")}catch(e){}
var d=t==="dark"||(t!=="light"&&matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.classList.toggle("dark",d);document.documentElement.style.colorScheme=d?"dark":"light"`;

// Storage can be forbidden (private windows, embedded pages): the theme then lasts as long as the page.
function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

function store(theme: Theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing to do: see stored().
  }
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, setTheme] = useState<Theme>("system"); // as on the server; the choice is read once the page lives
  const [prefersDark, setPrefersDark] = useState(false);
  const [known, setKnown] = useState(false);

  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => setPrefersDark(query.matches);
    follow();
    setTheme(stored());
    setKnown(true);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);

  const resolved = theme === "system" ? (prefersDark ? "dark" : "light") : theme;

  useEffect(() => {
    if (!known) return;
    document.documentElement.classList.toggle("dark", resolved === "dark");
    document.documentElement.style.colorScheme = resolved;
  }, [known, resolved]);

  const state = useMemo<ThemeState>(
    () => ({
      theme,
      resolved,
      setTheme: (next) => {
        store(next);
        setTheme(next);
      },
    }),
    [theme, resolved],
  );

  return <ThemeContext value={state}>{children}</ThemeContext>;
}

export function useTheme(): ThemeState {
  const state = use(ThemeContext);
  if (!state) throw new Error("useTheme must be used inside <ThemeProvider>");
  return state;
}
