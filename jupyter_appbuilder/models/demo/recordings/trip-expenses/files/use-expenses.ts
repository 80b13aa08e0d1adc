import { useEffect, useState } from "react";

import { examples, parseExpenses, type Expense, type ExpenseDraft } from "@/lib/expenses";

const KEY = "trip-expenses";

function load(): Expense[] {
  try {
    return parseExpenses(localStorage.getItem(KEY)) ?? examples;
  } catch {
    return examples;
  }
}

/** The trip's expenses, kept in the browser. */
export function useExpenses() {
  const [expenses, setExpenses] = useState<Expense[]>(load);

  useEffect(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(expenses));
    } catch {
      // Storage is full or forbidden: the list still works until the page is closed.
    }
  }, [expenses]);

  const add = (draft: ExpenseDraft) =>
    setExpenses((all) => [...all, { ...draft, id: Math.random().toString(36).slice(2) }]);

  const remove = (id: string) => setExpenses((all) => all.filter((each) => each.id !== id));

  return { expenses, add, remove };
}
