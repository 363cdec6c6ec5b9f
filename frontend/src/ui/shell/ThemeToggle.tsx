import { useState } from "react";
import { IconButton } from "../common/Button";
import { useMedia } from "../hooks";
import { loadTheme, otherTheme } from "../theme";

export function ThemeToggle() {
  const [theme, setTheme] = useState(loadTheme);
  const systemIsDark = useMedia("(prefers-color-scheme: dark)");
  const dark = theme === null ? systemIsDark : theme === "dark";
  return (
    <IconButton
      data-testid="theme-toggle"
      icon={dark ? "sun" : "moon"}
      label={dark ? "Use the light theme" : "Use the dark theme"}
      onClick={() => {
        setTheme(otherTheme(theme));
      }}
    />
  );
}
