/** What was used and what may be used, as the server says it. */

import type { Budget } from '../wire/api.generated';

export type {
  Budget,
  BudgetSettings,
  BudgetTable,
  ModelUsage,
  SessionUsage,
  UsageReport,
  UsageTotals
} from '../wire/api.generated';

export type Scope = Budget['scope'];
export type Unit = Budget['unit'];

export const SCOPES: readonly Scope[] = ['turn', 'session', 'day'];

/** Changes of one's own budgets; 0 is none. */
export type BudgetChanges = Partial<Record<Scope, Partial<Record<Unit, number>>>> & { timezone?: string };

/** The budget that comes to its end first, if any comes near. */
export function tightest(budgets: readonly Budget[]): Budget | null {
  const near = budgets.filter(budget => budget.near);
  return near.reduce<Budget | null>(
    (worst, budget) => (worst && worst.used / worst.limit >= budget.used / budget.limit ? worst : budget),
    null
  );
}
