import type { ReactNode } from "react";
import { Trash2, Wallet } from "lucide-react";

import { ExpenseForm } from "@/components/expense-form";
import { ThemeToggle } from "@/components/theme-toggle";
import { Button } from "@/components/ui/button";
import { Card, CardContent } from "@/components/ui/card";
import { useExpenses } from "@/hooks/use-expenses";
import { largest, money, shares, total } from "@/lib/expenses";

export default function App() {
  const { expenses, add, remove } = useExpenses();
  const most = largest(expenses);
  return (
    <div className="mx-auto flex min-h-dvh max-w-3xl flex-col gap-6 px-5 py-8 sm:px-8">
      <header className="flex items-center justify-between gap-4">
        <div className="flex items-center gap-3">
          <span className="grid size-10 place-items-center rounded-xl bg-primary text-primary-foreground">
            <Wallet aria-hidden className="size-5" />
          </span>
          <h1 className="text-xl font-semibold tracking-tight">Trip expenses</h1>
        </div>
        <ThemeToggle />
      </header>
      <main className="flex flex-col gap-6">
        <div className="grid gap-4 sm:grid-cols-3">
          <Figure label="Total" value={money(total(expenses))} />
          <Figure label="Largest" value={money(most.amount)} note={most.what} />
          <Figure
            label="Paid by"
            value={shares(expenses).map(([payer, amount]) => (
              <span key={payer} className="block text-base">
                {payer}: {money(amount)}
              </span>
            ))}
          />
        </div>
        <ExpenseForm onAdd={add} />
        <ul className="flex flex-col gap-2">
          {expenses.map(({ id, what, amount, payer }) => (
            <li key={id} className="flex items-center gap-3 rounded-lg border bg-card px-4 py-2">
              <span className="min-w-0 flex-1">
                <span className="block font-medium break-words">{what}</span>
                <span className="block text-sm break-words text-muted-foreground">paid by {payer}</span>
              </span>
              <span className="font-medium tabular-nums">{money(amount)}</span>
              <Button variant="ghost" size="icon" aria-label={`Delete ${what}`} onClick={() => remove(id)}>
                <Trash2 aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      </main>
    </div>
  );
}

function Figure({ label, value, note }: { label: string; value: ReactNode; note?: string }) {
  return (
    <Card className="py-4">
      <CardContent>
        <dl className="flex flex-col gap-1.5">
          <dt className="text-sm text-muted-foreground">{label}</dt>
          <dd className="text-2xl font-semibold tracking-tight tabular-nums">
            {value}
            {note && <span className="block truncate text-sm font-normal text-muted-foreground">{note}</span>}
          </dd>
        </dl>
      </CardContent>
    </Card>
  );
}
