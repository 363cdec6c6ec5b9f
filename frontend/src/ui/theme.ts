/** Light or dark: the system's choice until the person chooses. */
export type Theme = "light" | "dark";

const KEY = "parley.theme";

export function loadTheme(): Theme | null {
  const saved = localStorage.getItem(KEY);
  return saved === "light" || saved === "dark" ? saved : null;
}

export function systemTheme(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Null follows the system. */
export function applyTheme(theme: Theme | null): void {
  if (theme === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Switches to the other theme; if that is the system's theme, it follows the system again. */
export function otherTheme(current: Theme | null): Theme | null {
  const wanted: Theme = (current ?? systemTheme()) === "dark" ? "light" : "dark";
  const next = wanted === systemTheme() ? null : wanted;
  if (next === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  applyTheme(next);
  return next;
}
