import { Moon, Sun } from "lucide-react";

import { useTheme } from "@/components/theme-provider";
import { Button } from "@/components/ui/button";

/** A button that switches between the light and the dark theme. */
export function ThemeToggle({ className }: { className?: string }) {
  const { resolved, setTheme } = useTheme();
  const next = resolved === "dark" ? "light" : "dark";
  return (
    <Button
      variant="ghost"
      size="icon"
      className={className}
      aria-label={`Switch to the ${next} theme`}
      onClick={() => setTheme(next)}
    >
      {next === "dark" ? <Moon aria-hidden /> : <Sun aria-hidden />}
    </Button>
  );
}
