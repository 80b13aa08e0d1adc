import { ChartColumn, Database, MessageSquareText, Sparkles, WandSparkles, type LucideIcon } from "lucide-react";

import { LiveBadge } from "@/components/live-badge";
import { ServerClock } from "@/components/server-clock";
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
  { icon: Database, text: "A guest book with an API route that keeps the entries" },
  { icon: ChartColumn, text: "A report with a page for each region, rendered on the server" },
];

export default function Home() {
  return (
    <div className="relative flex min-h-dvh flex-col overflow-hidden">
      <div
        aria-hidden
        className="pointer-events-none absolute inset-0 bg-[linear-gradient(to_right,var(--border)_1px,transparent_1px),linear-gradient(to_bottom,var(--border)_1px,transparent_1px)] bg-size-[3.5rem_3.5rem] opacity-60 [mask-image:radial-gradient(50rem_30rem_at_50%_0%,black,transparent)]"
      />
      <header className="relative mx-auto flex w-full max-w-4xl items-center justify-between px-6 py-5">
        <LiveBadge />
        <ThemeToggle />
      </header>
      <main className="relative mx-auto flex w-full max-w-4xl flex-1 flex-col justify-center gap-12 px-6 pb-20">
        <div className="flex flex-col items-start gap-5">
          <ServerClock />
          <h1 className="max-w-2xl text-4xl font-semibold tracking-tight text-balance sm:text-5xl">
            Describe your app. <span className="text-muted-foreground">It will appear here.</span>
          </h1>
          <p className="max-w-xl text-lg text-pretty text-muted-foreground">
            This is a running Next.js app, with pages and a server, ready to become yours. Tell the assistant what you
            would like, and keep an eye on this page.
          </p>
        </div>
        <ol className="grid gap-4 sm:grid-cols-3">
          {steps.map(({ icon: Icon, title, text }, index) => (
            <li key={title} className="flex flex-col gap-2 rounded-xl border bg-card/80 p-5 shadow-xs backdrop-blur">
              <div className="flex items-center justify-between">
                <Icon aria-hidden className="size-5" />
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
              <li key={text} className="flex items-center gap-2 rounded-2xl border bg-card/80 px-4 py-2 text-sm">
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
