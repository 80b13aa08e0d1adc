/** What was used and what may be used, as the server says it (server/openapi.yaml: UsageReport, SessionUsage). */

import type { Usage } from '../wire/events';

export interface UsageTotals {
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  /** US dollars; null where a price is not known. */
  cost: number | null;
  /** The same of the requests whose price is known. */
  dollars: number;
  requests: number;
  /** Requests whose price is not known. */
  unpriced: number;
  /** Requests whose tokens the provider did not say. */
  estimated: number;
}

export type Scope = 'turn' | 'session' | 'day';
export type Unit = 'dollars' | 'tokens';

export const SCOPES: readonly Scope[] = ['turn', 'session', 'day'];

export interface Budget {
  scope: Scope;
  unit: Unit;
  limit: number;
  used: number;
  /** Who set it: the administrator, the person, or the person for this session. */
  source: 'configuration' | 'person' | 'session';
  near: boolean;
  over: boolean;
}

export type BudgetTable = Record<Scope, Record<Unit, number | null>>;

export interface BudgetSettings {
  own: BudgetTable;
  configured: BudgetTable;
  timezone: string;
  configured_timezone: string;
}

export interface ModelUsage {
  model: string;
  usage: UsageTotals;
  /** Budgets in dollars hold for it. */
  priced: boolean;
}

export interface UsageReport {
  timezone: string;
  today: UsageTotals;
  days: { day: string; usage: UsageTotals }[];
  total: UsageTotals;
  models: ModelUsage[];
  /** `title` is null for a session that was deleted. */
  sessions: { session: string; title: string | null; usage: UsageTotals }[];
  budgets: Budget[];
  settings: BudgetSettings;
}

export interface Step {
  response: string | null;
  at: string;
  model: string;
  tools: string[];
  usage: Usage;
}

export interface SessionUsage {
  session: string;
  title: string;
  usage: UsageTotals;
  turns: { turn: string; request: string; usage: UsageTotals; steps: Step[] }[];
  models: ModelUsage[];
  model: { model: string; priced: boolean };
  /** A budget ended the last turn. */
  held: boolean;
  budgets: Budget[];
}

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
