/** Budgets as bars, the line that tells when one comes to its end, and the way to raise one. */

import * as React from 'react';
import { compact, money } from '../controls/format';
import type { SessionView } from '../view/view';
import type { Transport } from '../wire/transport';
import type { Translation } from '../controls/translation';
import { share, tightest, type Budget, type BudgetSettings, type SessionUsage, type Unit } from '../view/usage';
import { RequestFailed } from '../wire/wire';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';

/** "$1.20" or "12.3k tokens". */
export function amount(unit: Unit, value: number, trans: Translation): string {
  return unit === 'dollars' ? money(value) : trans.__('%1 tokens', compact(Math.round(value)));
}

export function scopeTitle(scope: Budget['scope'], trans: Translation): string {
  return {
    turn: trans.__('Last request'),
    session: trans.__('This session'),
    day: trans.__('Today'),
    month: trans.__('This month')
  }[scope];
}

function sourceTitle(budget: Budget, trans: Translation): string {
  return {
    configuration: trans.__('Set by the administrator'),
    person: trans.__('Your own budget'),
    session: trans.__('Raised for this session'),
    hub: trans.__('Set for everybody on this JupyterHub')
  }[budget.source];
}

/** How much of each budget is used. What a bar shows is also written beside it. */
export function BudgetBars({ budgets }: { budgets: readonly Budget[] }): React.ReactElement | null {
  const trans = useTranslation();
  if (budgets.length === 0) {
    return null;
  }
  return (
    <ul className="jp-AppBuilder-budgets">
      {budgets.map(budget => {
        const label = trans.__(
          '%1 of %2',
          amount(budget.unit, budget.used, trans),
          amount(budget.unit, budget.limit, trans)
        );
        const state = budget.over ? 'over' : budget.near ? 'near' : 'fine';
        return (
          <li key={`${budget.scope} ${budget.unit} ${budget.source}`} title={sourceTitle(budget, trans)}>
            <span className="jp-AppBuilder-budgetLabel">
              <span>{scopeTitle(budget.scope, trans)}</span>
              <span className="jp-AppBuilder-amount">
                {label}
                {budget.over && <strong> · {trans.__('used up')}</strong>}
              </span>
            </span>
            <span
              className={`jp-AppBuilder-bar jp-mod-${state}`}
              role="meter"
              aria-label={`${scopeTitle(budget.scope, trans)}: ${label}`}
              aria-valuemin={0}
              aria-valuemax={budget.limit}
              aria-valuenow={Math.min(budget.used, budget.limit)}
            >
              <span style={{ inlineSize: `${Math.min(100, share(budget) * 100)}%` }} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** How long the session's usage is not asked for again (ms): a response may come every second. */
const AT_LEAST = 2000;

/** What a session used and may use, asked for again whenever it has used more. Null until it is known. */
export function useSessionUsage(transport: Transport, view: SessionView): SessionUsage | null {
  const [usage, setUsage] = React.useState<SessionUsage | null>(null);
  const asked = React.useRef(0);
  const ready = view.caughtUp;
  const state = view.session?.state;
  React.useEffect(() => {
    if (!ready) {
      return;
    }
    let wanted = true;
    const wait = Math.max(0, asked.current + AT_LEAST - Date.now());
    const timer = setTimeout(() => {
      asked.current = Date.now();
      transport.usage().then(
        found => wanted && setUsage(found),
        () => undefined // an older server or kernel
      );
    }, wait);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [transport, ready, state, view.usage, view.raised]);
  return usage;
}

/** A line above the composer: a budget comes to its end, or one in dollars cannot hold for the model. */
export function BudgetNotice({ usage }: { usage: SessionUsage | null }): React.ReactElement | null {
  const trans = useTranslation();
  const { pages } = useHost();
  const budget = tightest(usage?.budgets ?? []);
  const unpriced = usage !== null && !usage.model.priced && usage.budgets.some(known => known.unit === 'dollars');
  if (usage === null || (!budget && !unpriced)) {
    return null;
  }
  return (
    <div className={`jp-AppBuilder-budgetNotice ${budget?.over ? 'jp-mod-over' : ''}`} role="status">
      <Icon name="coin" />
      <span>
        {budget
          ? trans.__(
              '%1: %2 of %3 used.',
              scopeTitle(budget.scope, trans),
              amount(budget.unit, budget.used, trans),
              amount(budget.unit, budget.limit, trans)
            )
          : trans.__('The price of %1 is unknown, so dollar budgets do not apply to it.', usage.model.model)}
      </span>
      {pages?.usage && (
        <button type="button" className="jp-AppBuilder-link" onClick={pages.usage.run}>
          {pages.usage.label}
        </button>
      )}
    </div>
  );
}

/** What the settings say about a session's budget: the most one may set, if there is a most. */
export function mostOf(settings: BudgetSettings | null, unit: Unit): number | null {
  return settings?.configured.session[unit] ?? null;
}

/** "Raise for this session": more of what its budget is in. */
export function RaiseBudget({
  budget,
  most,
  onRaise
}: {
  budget: Budget;
  most: number | null;
  onRaise: (amounts: Partial<Record<Unit, number>>) => Promise<unknown>;
}): React.ReactElement | null {
  const trans = useTranslation();
  const id = React.useId();
  const [text, setText] = React.useState(() => String(suggestion(budget, most)));
  const [busy, setBusy] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  if (most !== null && budget.limit >= most) {
    return (
      <p className="jp-AppBuilder-hint">
        {trans.__('The administrator set this session’s budget; it cannot be raised here. A new session has its own.')}
      </p>
    );
  }
  return (
    <form
      className="jp-AppBuilder-raise"
      onSubmit={event => {
        event.preventDefault();
        setBusy(true);
        setFailure(null);
        onRaise({ [budget.unit]: Number(text) })
          .catch((error: unknown) => setFailure(RequestFailed.from(error)))
          .finally(() => setBusy(false));
      }}
    >
      <label htmlFor={id}>
        {budget.unit === 'dollars'
          ? trans.__('Raise for this session to (US dollars)')
          : trans.__('Raise for this session to (tokens)')}
      </label>
      <span className="jp-AppBuilder-fieldRow">
        <input
          id={id}
          className="jp-AppBuilder-input"
          type="number"
          required
          min={0}
          {...(most === null ? {} : { max: most })}
          step={budget.unit === 'dollars' ? 'any' : 1}
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <button type="submit" className="jp-AppBuilder-button" disabled={busy}>
          {trans.__('Raise')}
        </button>
      </span>
      {failure && <Failure error={failure} />}
    </form>
  );
}

/** Half as much again, in a round number. */
function suggestion(budget: Budget, most: number | null): number {
  const wanted = Math.max(budget.limit, budget.used) * 1.5;
  const round =
    budget.unit === 'tokens'
      ? Math.ceil(wanted / 10_000) * 10_000
      : wanted < 1
        ? Math.ceil(wanted * 20) / 20
        : Math.ceil(wanted);
  return most === null ? round : Math.min(round, most);
}
