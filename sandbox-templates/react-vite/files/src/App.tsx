import { useEffect, useState } from "react";
import { ChartColumn, KanbanSquare, MessageSquareText, Sparkles, WandSparkles, type LucideIcon } from "lucide-react";

import { ThemeToggle } from "@/components/theme-toggle";

const steps: { icon: LucideIcon; title: string; text: string }[] = [
  {
    icon: MessageSquareText,
    title: "Say what you need",
    text: "Plain words are enough: who it is for and what it should do.",
  },
  {
    icon: WandSparkles,
    title: "Watch it take shape",
    text: "This page changes by itself while the code is being written.",
  },
  { icon: Sparkles, title: "Refine it", text: "Ask for changes, or open the files and edit them yourself." },
];

const ideas: { icon: LucideIcon; text: string }[] = [
  { icon: KanbanSquare, text: "A task board with three columns that remembers my tasks" },
  { icon: ChartColumn, text: "A dashboard with charts and filters over my CSV file" },
];

export default function App() {
  return (
    <div className="relative flex min-h-dvh flex-col overflow-hidden">
      <div
        aria-hidden
        className="pointer-events-none absolute inset-0 bg-[radial-gradient(60rem_36rem_at_75%_-8rem,color-mix(in_oklab,var(--primary)_20%,transparent),transparent)]"
      />
      <header className="relative mx-auto flex w-full max-w-4xl items-center justify-between px-6 py-5">
        <LiveBadge />
        <ThemeToggle />
      </header>
      <main className="relative mx-auto flex w-full max-w-4xl flex-1 flex-col justify-center gap-12 px-6 pb-20">
        <div className="flex flex-col items-start gap-5">
          <span className="grid size-12 place-items-center rounded-2xl bg-primary text-primary-foreground shadow-lg shadow-primary/30">
            <Sparkles aria-hidden className="size-6" />
          </span>
          <h1 className="max-w-2xl text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
            Describe your app. <span className="text-primary">It will appear here.</span>
          </h1>
          <p className="max-w-xl text-lg text-pretty text-muted-foreground">
            This is a running React app, ready to become yours. Tell the assistant what you would like, and keep an eye
            on this page.
          </p>
        </div>
        <ol className="grid gap-4 sm:grid-cols-3">
          {steps.map(({ icon: Icon, title, text }, index) => (
            <li key={title} className="flex flex-col gap-2 rounded-xl border bg-card/70 p-5 shadow-xs backdrop-blur">
              <div className="flex items-center justify-between">
                <Icon aria-hidden className="size-5 text-primary" />
                <span aria-hidden className="text-xs font-medium text-muted-foreground tabular-nums">
                  {index + 1}
                </span>
              </div>
              <h2 className="mt-1 font-medium">{title}</h2>
              <p className="text-sm text-muted-foreground">{text}</p>
            </li>
          ))}
        </ol>
        <section aria-labelledby="ideas" className="flex flex-col gap-3">
          <h2 id="ideas" className="text-sm font-medium text-muted-foreground">
            Not sure where to start? Try asking for
          </h2>
          <ul className="flex flex-wrap gap-2">
            {ideas.map(({ icon: Icon, text }) => (
              <li key={text} className="flex items-center gap-2 rounded-2xl border bg-card/70 px-4 py-2 text-sm">
                <Icon aria-hidden className="size-4 shrink-0 text-muted-foreground" />
                {text}
              </li>
            ))}
          </ul>
        </section>
      </main>
    </div>
  );
}

/** Shows that the page is running, and for how long: it keeps counting while its code is replaced. */
function LiveBadge() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((value) => value + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return (
    <div className="flex items-center gap-2 rounded-full border bg-card/70 py-1 pr-3 pl-2.5 text-sm backdrop-blur">
      <span aria-hidden className="relative flex size-2">
        <span className="absolute inline-flex size-full animate-ping rounded-full bg-chart-5 opacity-70" />
        <span className="relative inline-flex size-2 rounded-full bg-chart-5" />
      </span>
      <span className="font-medium">Live</span>
      <span className="text-muted-foreground tabular-nums">{time}</span>
    </div>
  );
}
