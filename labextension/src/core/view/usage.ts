/** What was used and what may be used, as the server says it. */

import type { Budget } from '../wire/api.generated';
import type { Usage } from '../wire/events';

export type {
  Budget,
  BudgetSettings,
  BudgetTable,
  ModelUsage,
  SessionUsage,
  UsageReport,
  UsageTotals
} from '../wire/api.generated';

/** What a person's own budgets can be for. A JupyterHub's may be for a month, too. */
export type Scope = Exclude<Budget['scope'], 'month'>;
export type Unit = Budget['unit'];

export const SCOPES: readonly Scope[] = ['turn', 'session', 'day'];

/** Changes of one's own budgets; 0 is none. */
export type BudgetChanges = Partial<Record<Scope, Partial<Record<Unit, number>>>> & { timezone?: string };

/** How much of it is used, from 0 on: of a budget of nothing, all. */
export function share(budget: Budget): number {
  return budget.limit > 0 ? budget.used / budget.limit : 1;
}

/** The budget that comes to its end first, if any comes near. */
export function tightest(budgets: readonly Budget[]): Budget | null {
  const near = budgets.filter(budget => budget.near);
  return near.reduce<Budget | null>((worst, budget) => (worst && share(worst) >= share(budget) ? worst : budget), null);
}

export const NO_USAGE: Usage = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, cost: 0 };

/** The sum of two usages. A cost that is unknown makes it unknown: a part would mislead. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
    cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
    ...(a.estimated || b.estimated ? { estimated: true } : {})
  };
}
