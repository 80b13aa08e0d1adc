import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import axe from 'axe-core';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EMPTY_VIEW } from '../view/view';
import { NO_TOTALS, TestTransport } from '../testing/session';
import type { Api } from '../wire/transport';
import type { Budget, BudgetChanges, BudgetTable, SessionUsage, UsageReport, UsageTotals } from '../view/usage';
import { BudgetNotice, useSessionUsage } from './Budgets';
import { UsagePage } from './UsagePage';

const NONE: BudgetTable = {
  turn: { dollars: null, tokens: null },
  session: { dollars: null, tokens: null },
  day: { dollars: null, tokens: null }
};
const SPENT: UsageTotals = {
  ...NO_TOTALS,
  input_tokens: 9000,
  output_tokens: 1000,
  cached_tokens: 4500,
  cost: 0.5,
  dollars: 0.5,
  requests: 4
};
const UNPRICED: UsageTotals = { ...SPENT, cost: null, dollars: 0, unpriced: 4 };

function budget(change: Partial<Budget>): Budget {
  return {
    scope: 'session',
    unit: 'dollars',
    limit: 1,
    used: 0.5,
    source: 'person',
    near: false,
    over: false,
    ...change
  };
}

function report(change: Partial<UsageReport> = {}): UsageReport {
  return {
    timezone: 'UTC',
    today: SPENT,
    days: [{ day: '2026-11-21', usage: SPENT }],
    total: SPENT,
    models: [{ model: 'openai:gpt', usage: SPENT, priced: true }],
    sessions: [{ session: 's1', title: null, usage: SPENT }],
    budgets: [],
    settings: {
      own: NONE,
      configured: { ...NONE, day: { dollars: 5, tokens: null } },
      timezone: '',
      configured_timezone: ''
    },
    ...change
  };
}

function session(change: Partial<SessionUsage> = {}): SessionUsage {
  return {
    session: 's1',
    title: 'Task board',
    usage: SPENT,
    turns: [
      {
        turn: 't1',
        request: 'Add a button',
        usage: SPENT,
        steps: [
          {
            response: 'r1',
            at: '2026-11-21T10:00:00.000Z',
            model: 'openai:gpt',
            tools: ['read_file', 'read_file', 'edit_file'],
            usage: { input_tokens: 9000, output_tokens: 1000, cached_tokens: 4500, cost: 0.5, estimated: true }
          }
        ]
      }
    ],
    models: [],
    model: { model: 'openai:gpt', priced: true },
    held: false,
    budgets: [],
    ...change
  };
}

afterEach(cleanup);

async function show(
  all: UsageReport,
  one: SessionUsage | null = null
): Promise<{ set: BudgetChanges[]; transport: TestTransport }> {
  const set: BudgetChanges[] = [];
  const api = {
    usage: async () => all,
    setBudgets: async (changes: BudgetChanges) => {
      set.push(changes);
      return all.settings;
    }
  } as unknown as Api;
  const transport = new TestTransport();
  transport.used = one;
  render(<UsagePage api={api} transport={one ? transport : null} models={[]} onClose={vi.fn()} />);
  await act(async () => new Promise(done => setTimeout(done, 5)));
  return { set, transport };
}

describe('the usage page', () => {
  it('says what was used today, by model, and by which app, also one that is gone', async () => {
    await show(report());
    expect(screen.getAllByText('$0.50').length).toBeGreaterThan(1);
    expect(screen.getAllByText(/9\.0k in, 1\.0k out · 50 % from the cache · 4 steps/).length).toBe(2);
    expect(screen.getByRole('rowheader', { name: 'openai:gpt' })).toBeTruthy();
    expect(screen.getByRole('rowheader', { name: 'A deleted app' })).toBeTruthy();
    const { violations } = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } }
    });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  it('does not make up a price', async () => {
    await show(report({ today: UNPRICED, total: { ...SPENT, unpriced: 1, cost: null } }));
    expect(screen.getByText('price not known')).toBeTruthy();
    expect(screen.getByText('at least $0.50')).toBeTruthy();
  });

  it('says nothing of a price where only free models have one', async () => {
    await show(report({ total: { ...SPENT, dollars: 0, unpriced: 1, cost: null } }));
    expect(screen.queryByText(/at least|≥/)).toBeNull();
    expect(screen.getAllByText('price not known').length).toBeGreaterThan(0);
  });

  it('teaches where nothing was used', async () => {
    await show(
      report({ today: NO_TOTALS, total: NO_TOTALS, days: [], models: [], sessions: [] }),
      session({ usage: NO_TOTALS, turns: [] })
    );
    expect(screen.getByText('No usage today.')).toBeTruthy();
    expect(screen.getByText(/tokens and cost of each request will be listed here/)).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'CSV' })).toBeNull();
  });

  it('names the steps of a request, and which of their numbers are estimated', async () => {
    await show(report(), session());
    expect(screen.getByText('read_file × 2, edit_file')).toBeTruthy();
    expect(screen.getByText(/≈ 9\.0k in \(4\.5k cached\), 1\.0k out/)).toBeTruthy();
  });

  it('sends only the budgets that were changed; an emptied one is none', async () => {
    const settings = { ...report().settings, own: { ...NONE, turn: { dollars: 2, tokens: null } } };
    const { set } = await show(report({ settings }));
    expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Save' }).disabled).toBe(true);
    fireEvent.change(screen.getByLabelText('Each request, US dollars'), { target: { value: '' } });
    fireEvent.change(screen.getByLabelText('Each day, all sessions, US dollars'), { target: { value: '3.5' } });
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Save' })));
    expect(set).toEqual([{ turn: { dollars: 0 }, day: { dollars: 3.5 } }]);
    expect(screen.getByLabelText<HTMLInputElement>('Each day, all sessions, US dollars').max).toBe('5');
  });

  it('lets a session that came to its end go on, unless the administrator set the end', async () => {
    const one = session({ budgets: [budget({ used: 0.95, near: true })] });
    const { transport } = await show(report(), one);
    expect(screen.getByRole('meter').getAttribute('aria-label')).toBe('This session: $0.95 of $1.00');
    fireEvent.change(screen.getByLabelText('Raise for this session to (US dollars)'), { target: { value: '4' } });
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Raise' })));
    expect(transport.asked).toEqual([['raiseBudget', { dollars: 4 }]]);
    cleanup();
    const configured = { ...NONE, session: { dollars: 1, tokens: null } };
    await show(report({ settings: { ...report().settings, configured } }), one);
    expect(screen.getByText(/it cannot be raised here/)).toBeTruthy();
  });
});

describe('the line about budgets', () => {
  it('tells of the one that ends first, from 80 % on', () => {
    const fine = session({ budgets: [budget({})] });
    const near = session({
      budgets: [budget({ used: 0.85, near: true }), budget({ scope: 'day', limit: 10, used: 9.5, near: true })]
    });
    const { rerender } = render(<BudgetNotice usage={fine} />);
    expect(screen.queryByRole('status')).toBeNull();
    rerender(<BudgetNotice usage={near} />);
    expect(screen.getByRole('status').textContent).toContain('Today: $9.50 of $10.00 used.');
  });

  it('says that dollars do not hold for a model without a price, only where there is such a budget', () => {
    const model = { model: 'custom:x', priced: false };
    const { rerender } = render(<BudgetNotice usage={session({ model })} />);
    expect(screen.queryByRole('status')).toBeNull();
    rerender(<BudgetNotice usage={session({ model, budgets: [budget({})] })} />);
    expect(screen.getByRole('status').textContent).toContain('The price of custom:x is unknown');
  });

  it('asks again when more was used, and not more often', async () => {
    const transport = new TestTransport();
    const asked = vi.spyOn(transport, 'usage');
    const Probe = ({ tokens }: { tokens: number }): React.ReactElement => {
      const usage = React.useMemo(
        () => ({ input_tokens: tokens, output_tokens: 0, cached_tokens: 0, cost: 0 }),
        [tokens]
      );
      useSessionUsage(
        transport,
        React.useMemo(() => ({ ...EMPTY_VIEW, caughtUp: true, usage }), [usage])
      );
      return <p />;
    };
    const { rerender } = render(<Probe tokens={1} />);
    await act(async () => new Promise(done => setTimeout(done, 5)));
    rerender(<Probe tokens={1} />);
    expect(asked).toHaveBeenCalledTimes(1);
    for (const tokens of [2, 3, 4]) {
      rerender(<Probe tokens={tokens} />);
    }
    await act(async () => new Promise(done => setTimeout(done, 5)));
    expect(asked).toHaveBeenCalledTimes(1); // a moment later, once for all of them
  });
});
