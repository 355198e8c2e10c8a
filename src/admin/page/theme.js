// Light, dark, or as the system has it: kept in this browser.

import { say } from "./dom.js";

const KEY = "l4lb-theme";
const NAMES = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const NEXT = { system: "light", light: "dark", dark: "system" };

const kept = () => {
  const theme = localStorage.getItem(KEY);
  return theme in NEXT ? theme : "system";
};

function apply(theme, button) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(button, NAMES[theme]);
}

/** Applies what was kept, and lets `button` change it. */
export function theme(button) {
  apply(kept(), button);
  button.addEventListener("click", () => {
    const next = NEXT[kept()];
    localStorage.setItem(KEY, next);
    apply(next, button);
  });
}
