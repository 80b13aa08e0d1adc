export interface Expense {
  id: string;
  what: string;
  amount: number; // euros
  payer: string;
}

/** What a person fills in; the rest is ours. */
export type ExpenseDraft = Omit<Expense, "id">;

export const examples: Expense[] = [
  { id: "1", what: "Train tickets", amount: 84, payer: "Ada" },
  { id: "2", what: "Hostel, two nights", amount: 130.5, payer: "Grace" },
  { id: "3", what: "Groceries", amount: 41.2, payer: "Ada" },
];

const euros = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

export const money = (amount: number) => euros.format(amount);

export const total = (expenses: Expense[]) => expenses.reduce((sum, { amount }) => sum + amount, 0);

export function largest(expenses: Expense[]): Expense {
  return expenses.reduce((most, each) => (each.amount > most.amount ? each : most));
}

/** What each payer has paid, the most first. */
export function shares(expenses: Expense[]): [payer: string, amount: number][] {
  const paid = new Map<string, number>();
  for (const { payer, amount } of expenses) paid.set(payer, (paid.get(payer) ?? 0) + amount);
  return [...paid].sort(([, one], [, other]) => other - one);
}

/** The expenses found in stored JSON; null if it does not hold a list of them. */
export function parseExpenses(text: string | null): Expense[] | null {
  if (!text) return null;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isExpense) : null;
  } catch {
    return null;
  }
}

function isExpense(value: unknown): value is Expense {
  if (typeof value !== "object" || value === null) return false;
  const { id, what, amount, payer } = value as Record<string, unknown>;
  return [id, what, payer].every((each) => typeof each === "string") && typeof amount === "number";
}
