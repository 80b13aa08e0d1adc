import { useState, type FormEvent } from "react";
import { Plus } from "lucide-react";

import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import type { ExpenseDraft } from "@/lib/expenses";

export function ExpenseForm({ onAdd }: { onAdd: (draft: ExpenseDraft) => void }) {
  const [what, setWhat] = useState("");
  const [amount, setAmount] = useState("");
  const [payer, setPayer] = useState("");

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!what.trim() || !payer.trim()) return;
    onAdd({ what: what.trim(), amount: Number(amount), payer: payer.trim() });
    setWhat("");
    setAmount("");
  }

  return (
    <form onSubmit={submit} className="grid gap-3 sm:grid-cols-[2fr_1fr_1fr_auto] sm:items-end">
      <div className="flex flex-col gap-2">
        <Label htmlFor="what">What for</Label>
        <Input id="what" required maxLength={80} value={what} onChange={(event) => setWhat(event.target.value)} />
      </div>
      <div className="flex flex-col gap-2">
        <Label htmlFor="amount">Amount (€)</Label>
        <Input
          id="amount"
          type="number"
          required
          min={0.01}
          max={100000}
          step={0.01}
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
        />
      </div>
      <div className="flex flex-col gap-2">
        <Label htmlFor="payer">Paid by</Label>
        <Input id="payer" required maxLength={40} value={payer} onChange={(event) => setPayer(event.target.value)} />
      </div>
      <Button type="submit">
        <Plus aria-hidden /> Add
      </Button>
    </form>
  );
}
