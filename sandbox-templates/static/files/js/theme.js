import { load, save } from "./storage.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** The theme that is shown. */
function shown() {
  return document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
}

/** Lets `button` switch between the light and the dark theme; the choice is remembered. */
export function setUpTheme(button) {
  const stored = load("theme", null);
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
  const label = () => {
    button.setAttribute("aria-label", `Switch to the ${shown() === "dark" ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => {
    const next = shown() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    save("theme", next);
    label();
  });
  system.addEventListener("change", label);
  label();
}
