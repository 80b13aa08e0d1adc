import { computed, ref, watchEffect } from "vue";

import { load, save } from "@/lib/storage";

export type Theme = "light" | "dark" | "system";

const preference = matchMedia("(prefers-color-scheme: dark)");
const prefersDark = ref(preference.matches);
preference.addEventListener("change", () => (prefersDark.value = preference.matches));

const stored = load<Theme>("theme", "system");
const theme = ref<Theme>(stored === "light" || stored === "dark" ? stored : "system");
const resolved = computed(() => (theme.value === "system" ? (prefersDark.value ? "dark" : "light") : theme.value));

watchEffect(() => {
  document.documentElement.classList.toggle("dark", resolved.value === "dark");
  document.documentElement.style.colorScheme = resolved.value;
});

/** The chosen theme, the one that is shown, and a way to choose. */
export function useTheme() {
  return {
    theme,
    resolved,
    setTheme(next: Theme) {
      theme.value = next;
      save("theme", next);
    },
  };
}
