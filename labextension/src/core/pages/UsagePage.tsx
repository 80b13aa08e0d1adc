/** What was used: today, by this session's requests and steps, by model and day; and the budgets. */

import * as React from 'react';
import { compact, money } from '../controls/format';
import type { Usage } from '../wire/events';
import type { Api, ModelChoice, Transport } from '../wire/transport';
import type { Translation } from '../controls/translation';
import {
  SCOPES,
  type Budget,
  type BudgetChanges,
  type BudgetSettings,
  type SessionUsage,
  type Unit,
  type UsageReport,
  type UsageTotals
} from '../view/usage';
import { RequestFailed } from '../wire/wire';
import { amount, BudgetBars, mostOf, RaiseBudget } from './Budgets';
import { Icon, Spinner } from '../controls/Icon';
import { Page, type PanelPage } from './Page';
import { SettingValues } from './SettingValues';
import { useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';
import { spoken } from '../controls/language';

/** How often it is read again while it is in view (ms). */
const REFRESH = 5000;

const RANGES = [7, 30, 90] as const;

/** What the page asks. */
export type UsageAsks = Pick<Api, 'usage' | 'setBudgets' | 'downloadUsage'>;

export function UsagePage({
  api,
  transport,
  models,
  onClose,
  children
}: {
  api: UsageAsks;
  /** Of the session that is open, if one is. */
  transport: Transport | null;
  models: readonly ModelChoice[];
  onClose: () => void;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const [days, setDays] = React.useState<number>(30);
  const { report, session, failure, refresh } = useUsage(api, transport, days);
  const [problem, setProblem] = React.useState<RequestFailed | null>(null);
  const heading = React.useRef<HTMLHeadingElement>(null);
  const loaded = report !== null;
  React.useEffect(() => heading.current?.focus(), [loaded]);
  const name = (model: string): string => models.find(choice => choice.id === model)?.title ?? model;
  const download = (format: 'csv' | 'json'): void => {
    setProblem(null);
    api.downloadUsage(days, format).catch((error: unknown) => setProblem(RequestFailed.from(error)));
  };
  const budgets = [...(session?.budgets.filter(budget => budget.scope !== 'day' && budget.scope !== 'month') ?? [])];
  const raisable = toRaise(budgets, session?.held ?? false);
  return (
    <Page id="usage" title={trans.__('Usage and budgets')} heading={heading} onClose={onClose}>
      {failure && <Failure error={failure} />}
      {problem && <Failure error={problem} />}
      {!report && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {report && (
        <>
          <Card title={trans.__('Today')}>
            <Figure totals={report.today} none={trans.__('No usage today.')} />
            <BudgetBars budgets={report.budgets} />
          </Card>
          {session && (
            <Card title={trans.__('This session')}>
              <Figure
                totals={session.usage}
                none={trans.__('Nothing yet: tokens and cost of each request will be listed here.')}
              />
              {!session.model.priced && <Unpriced model={name(session.model.model)} />}
              <BudgetBars budgets={budgets} />
              {raisable.map(budget => (
                <RaiseBudget
                  key={budget.unit}
                  budget={budget}
                  most={mostOf(report.settings, budget.unit)}
                  onRaise={async amounts => {
                    await transport?.raiseBudget(amounts);
                    refresh();
                  }}
                />
              ))}
              {session.turns.length > 0 && <Turns turns={session.turns} name={name} />}
            </Card>
          )}
          <OverTime report={report} days={days} setDays={setDays} name={name} />
          <BudgetForm key={JSON.stringify(report.settings)} api={api} report={report} onSaved={refresh} />
          {report.total.requests > 0 && (
            <div className="jp-AppBuilder-usageExport">
              <span className="jp-AppBuilder-hint">
                {trans._n('Every step of the last day:', 'Every step of the last %1 days:', days, days)}
              </span>
              <button type="button" className="jp-AppBuilder-button" onClick={() => download('csv')}>
                <Icon name="download" />
                CSV
              </button>
              <button type="button" className="jp-AppBuilder-button" onClick={() => download('json')}>
                <Icon name="download" />
                JSON
              </button>
            </div>
          )}
          <p className="jp-AppBuilder-hint">
            {trans.__('Costs are estimates from list prices, without discounts. Your provider’s bill is what counts.')}
          </p>
        </>
      )}
      {children}
    </Page>
  );
}

/** The session's budgets that are nearly used up; else, where one held the last request back, that one. */
function toRaise(budgets: readonly Budget[], held: boolean): Budget[] {
  const ofSession = budgets.filter(budget => budget.scope === 'session');
  const near = ofSession.filter(budget => budget.near);
  const first = [...ofSession].sort((a, b) => b.used / b.limit - a.used / a.limit).slice(0, 1);
  return near.length > 0 || !held ? near : first;
}

interface Read {
  report: UsageReport | null;
  session: SessionUsage | null;
  failure: RequestFailed | null;
  refresh: () => void;
}

function useUsage(api: UsageAsks, transport: Transport | null, days: number): Read {
  const [report, setReport] = React.useState<UsageReport | null>(null);
  const [session, setSession] = React.useState<SessionUsage | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [again, setAgain] = React.useState(0);
  React.useEffect(() => {
    let wanted = true;
    const read = (): void => {
      Promise.all([api.usage(days), transport ? transport.usage() : null]).then(
        ([all, one]) => {
          if (wanted) {
            setReport(all);
            setSession(one);
            setFailure(null);
          }
        },
        (error: unknown) => wanted && setFailure(RequestFailed.from(error))
      );
    };
    read();
    const timer = setInterval(() => document.visibilityState === 'visible' && read(), REFRESH);
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [api, transport, days, again]);
  return { report, session, failure, refresh: () => setAgain(count => count + 1) };
}

function Card({ title, children }: { title: string; children: React.ReactNode }): React.ReactElement {
  const id = React.useId();
  return (
    <section className="jp-AppBuilder-usageCard" aria-labelledby={id}>
      <h3 id={id}>{title}</h3>
      {children}
    </section>
  );
}

/** Cost as far as it is known, in words that do not promise more. */
function costText(totals: Pick<UsageTotals, 'dollars' | 'unpriced' | 'requests'>, trans: Translation): string {
  if (totals.unpriced === 0) {
    return money(totals.dollars);
  }
  return isUnpriced(totals) ? trans.__('price not known') : `≥ ${money(totals.dollars)}`;
}

/** No price is known but of what was free: "at least $0" says nothing. */
function isUnpriced(totals: Pick<UsageTotals, 'dollars' | 'unpriced'>): boolean {
  return totals.unpriced > 0 && totals.dollars === 0;
}

function Figure({ totals, none }: { totals: UsageTotals; none: string }): React.ReactElement {
  const trans = useTranslation();
  if (totals.requests === 0) {
    return <p className="jp-AppBuilder-none">{none}</p>;
  }
  const { input_tokens: input, output_tokens: output, cached_tokens: cached } = totals;
  const about = totals.estimated > 0 ? '≈ ' : '';
  const unknown = isUnpriced(totals);
  const cost =
    totals.unpriced > 0 && !unknown ? trans.__('at least %1', money(totals.dollars)) : costText(totals, trans);
  const tokens = trans.__('%1 tokens', about + compact(input + output));
  return (
    <div className="jp-AppBuilder-figure">
      <span className="jp-AppBuilder-figureMain">{unknown ? tokens : cost}</span>
      <span className="jp-AppBuilder-figureMain jp-mod-second">{unknown ? cost : tokens}</span>
      <span className="jp-AppBuilder-hint">
        {trans.__('%1 in, %2 out', compact(input), compact(output))}
        {cached > 0 && ` · ${trans.__('%1 % from the cache', Math.round((cached / input) * 100))}`}
        {` · ${trans._n('%1 step', '%1 steps', totals.requests, totals.requests)}`}
      </span>
      {totals.estimated > 0 && (
        <span className="jp-AppBuilder-hint">
          {trans._n(
            'Token counts of %1 step are estimated: the provider did not report them.',
            'Token counts of %1 steps are estimated: the provider did not report them.',
            totals.estimated,
            totals.estimated
          )}
        </span>
      )}
    </div>
  );
}

function Unpriced({ model }: { model: string }): React.ReactElement {
  const trans = useTranslation();
  return (
    <div className="jp-AppBuilder-notice jp-mod-warn">
      <Icon name="alert" />
      <div>
        <p>{trans.__('The price of %1 is unknown, so dollar budgets do not apply to it.', model)}</p>
        <p className="jp-AppBuilder-hint">
          {trans.__('Set a budget in tokens below, or have its price set in the server’s configuration:')}{' '}
          <code>c.AppBuilder.prices</code>
        </p>
      </div>
    </div>
  );
}

function tokensText(usage: Usage, trans: Translation): string {
  const about = usage.estimated ? '≈ ' : '';
  const cached = usage.cached_tokens > 0 ? ` (${trans.__('%1 cached', compact(usage.cached_tokens))})` : '';
  return `${about}${trans.__('%1 in', compact(usage.input_tokens))}${cached}, ${trans.__('%1 out', compact(usage.output_tokens))}`;
}

/** Requests drawn at first. */
const TURNS = 8;

function Turns({ turns, name }: { turns: SessionUsage['turns']; name: (model: string) => string }): React.ReactElement {
  const trans = useTranslation();
  const [shown, setShown] = React.useState(TURNS);
  return (
    <div className="jp-AppBuilder-usageTurns">
      {turns.slice(0, shown).map(turn => (
        <details key={turn.turn}>
          <summary>
            <Icon name="chevron" className="jp-AppBuilder-chevron" />
            <span className="jp-AppBuilder-ellipsis" title={turn.request}>
              {turn.request || turn.turn}
            </span>
            <span className="jp-AppBuilder-amount">
              {turn.usage.estimated > 0 && '≈ '}
              {compact(turn.usage.input_tokens + turn.usage.output_tokens)} · {costText(turn.usage, trans)}
            </span>
          </summary>
          <ol>
            {turn.steps.map((step, index) => (
              <li key={index}>
                <span className="jp-AppBuilder-stepName">
                  {step.tools.length > 0
                    ? tally(step.tools)
                    : step.response
                      ? trans.__('answered')
                      : trans.__('no step')}
                  <span className="jp-AppBuilder-amount">
                    {step.usage.cost === null ? trans.__('price not known') : money(step.usage.cost)}
                  </span>
                </span>
                <span className="jp-AppBuilder-hint">
                  {tokensText(step.usage, trans)} · {name(step.model)}
                </span>
              </li>
            ))}
          </ol>
        </details>
      ))}
      {turns.length > shown && (
        <button type="button" className="jp-AppBuilder-button jp-mod-quiet" onClick={() => setShown(shown + 4 * TURNS)}>
          {trans.__('Show earlier (%1 more)', turns.length - shown)}
        </button>
      )}
    </div>
  );
}

/** "read_file × 3, write_file". */
function tally(tools: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const tool of tools) {
    counts.set(tool, (counts.get(tool) ?? 0) + 1);
  }
  return [...counts].map(([tool, count]) => (count > 1 ? `${tool} × ${count}` : tool)).join(', ');
}

function OverTime({
  report,
  days,
  setDays,
  name
}: {
  report: UsageReport;
  days: number;
  setDays: (days: number) => void;
  name: (model: string) => string;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <Card title={trans.__('Over time')}>
      <div className="jp-AppBuilder-ranges" role="group" aria-label={trans.__('How far back')}>
        {RANGES.map(range => (
          <button
            key={range}
            type="button"
            className="jp-AppBuilder-button"
            aria-pressed={days === range}
            onClick={() => setDays(range)}
          >
            {trans._n('%1 day', '%1 days', range, range)}
          </button>
        ))}
      </div>
      <Figure totals={report.total} none={trans.__('No usage in this period.')} />
      {report.days.length > 0 && <Chart report={report} days={days} />}
      {report.models.length > 0 && (
        <Table
          label={trans.__('Model')}
          rows={report.models.map(({ model, usage }) => ({ key: model, name: name(model), title: model, usage }))}
        />
      )}
      {report.sessions.length > 0 && (
        <Table
          label={trans.__('App')}
          rows={report.sessions.map(({ session, title, usage }) => ({
            key: session,
            name: title || trans.__('A deleted app'),
            title: title || session,
            usage
          }))}
        />
      )}
    </Card>
  );
}

/** One column a day, as high as its cost, or its tokens where nothing has a price. */
function Chart({ report, days }: { report: UsageReport; days: number }): React.ReactElement {
  const trans = useTranslation();
  const unit: Unit = report.total.dollars > 0 ? 'dollars' : 'tokens';
  const value = (usage: UsageTotals): number =>
    unit === 'dollars' ? usage.dollars : usage.input_tokens + usage.output_tokens;
  const known = new Map(report.days.map(({ day, usage }) => [day, usage]));
  const last = report.days[report.days.length - 1]?.day ?? '';
  const today = report.today.requests > 0 ? last : '';
  const columns = calendar(today || new Date().toLocaleDateString('sv'), days);
  const highest = Math.max(...report.days.map(({ usage }) => value(usage)), Number.MIN_VALUE);
  const text = (day: string): string => {
    const usage = known.get(day);
    return `${date(day)}: ${usage ? amount(unit, value(usage), trans) : trans.__('nothing')}`;
  };
  return (
    <figure className="jp-AppBuilder-chart">
      <div role="img" aria-label={report.days.map(({ day }) => text(day)).join('; ')}>
        {columns.map(day => (
          <span key={day} title={text(day)}>
            <span style={{ blockSize: `${(value(known.get(day) ?? NONE) / highest) * 100}%` }} />
          </span>
        ))}
      </div>
      <figcaption>
        <span>{date(columns[0] ?? '')}</span>
        <span>{trans.__('up to %1 a day', amount(unit, highest, trans))}</span>
        <span>{trans.__('today')}</span>
      </figcaption>
    </figure>
  );
}

const NONE: UsageTotals = {
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cost: 0,
  dollars: 0,
  requests: 0,
  unpriced: 0,
  estimated: 0
};

/** The `count` days up to `last` (ISO dates), oldest first. */
function calendar(last: string, count: number): string[] {
  const end = Date.parse(`${last}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) =>
    new Date(end - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10)
  );
}

function date(day: string): string {
  const at = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(at.getTime())
    ? day
    : at.toLocaleDateString(spoken(), { day: 'numeric', month: 'short', timeZone: 'UTC' });
}

function Table({
  label,
  rows
}: {
  label: string;
  rows: readonly { key: string; name: string; title: string; usage: UsageTotals }[];
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <table className="jp-AppBuilder-usageTable">
      <thead>
        <tr>
          <th scope="col">{label}</th>
          <th scope="col">{trans.__('Tokens')}</th>
          <th scope="col">{trans.__('Cost')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, name, title, usage }) => (
          <tr key={key}>
            <th scope="row" title={title}>
              {name}
            </th>
            <td>
              {usage.estimated > 0 && '≈ '}
              {compact(usage.input_tokens + usage.output_tokens)}
            </td>
            <td>{costText(usage, trans)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** One's own budgets. What whoever runs the server set is the most, and holds where nothing is entered. */
function BudgetForm({
  api,
  report,
  onSaved
}: {
  api: UsageAsks;
  report: UsageReport;
  onSaved: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const { settings } = report;
  const [fields, setFields] = React.useState(() => texts(settings));
  const [timezone, setTimezone] = React.useState(settings.timezone);
  const [saving, setSaving] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([settings.timezone, here].filter(zone => zone !== ''))];
  const before = texts(settings);
  const changed = timezone !== settings.timezone || Object.keys(fields).some(key => fields[key] !== before[key]);
  const titles = {
    turn: trans.__('Each request'),
    session: trans.__('Each session'),
    day: trans.__('Each day, all sessions')
  };
  const save = (event: React.FormEvent): void => {
    event.preventDefault();
    setSaving(true);
    setFailure(null);
    api
      .setBudgets(changesOf(fields, before, timezone === settings.timezone ? undefined : timezone))
      .then(onSaved)
      .catch((error: unknown) => setFailure(RequestFailed.from(error)))
      .finally(() => setSaving(false));
  };
  return (
    <Card title={trans.__('Your budgets')}>
      <form className="jp-AppBuilder-budgetForm" onSubmit={save}>
        <p className="jp-AppBuilder-hint">
          {trans.__('The agent stops before it exceeds this and keeps its work. Leave empty for no limit.')}
        </p>
        <div className="jp-AppBuilder-budgetGrid">
          <span />
          <span className="jp-AppBuilder-hint">{trans.__('US dollars')}</span>
          <span className="jp-AppBuilder-hint">{trans.__('Tokens')}</span>
          {SCOPES.map(scope => (
            <React.Fragment key={scope}>
              <span id={`${id}-${scope}`}>{titles[scope]}</span>
              {(['dollars', 'tokens'] as const).map(unit => {
                const most = settings.configured[scope][unit];
                return (
                  <input
                    key={unit}
                    className="jp-AppBuilder-input"
                    type="number"
                    min={0}
                    {...(most === null ? {} : { max: most })}
                    step={unit === 'dollars' ? 'any' : 1}
                    value={fields[`${scope}.${unit}`] ?? ''}
                    placeholder={most === null ? trans.__('none') : limitText(unit, most)}
                    title={
                      most === null ? '' : trans.__('At most %1, set by the administrator', amount(unit, most, trans))
                    }
                    aria-label={`${titles[scope]}, ${unit === 'dollars' ? trans.__('US dollars') : trans.__('Tokens')}`}
                    onChange={event => setFields({ ...fields, [`${scope}.${unit}`]: event.target.value })}
                  />
                );
              })}
            </React.Fragment>
          ))}
        </div>
        <label className="jp-AppBuilder-zone">
          <span>{trans.__('A day begins at midnight in')}</span>
          <select className="jp-AppBuilder-select" value={timezone} onChange={event => setTimezone(event.target.value)}>
            <option value="">
              {trans.__('the server’s time zone')}
              {settings.timezone === '' ? ` (${report.timezone})` : ''}
            </option>
            {zones.map(zone => (
              <option key={zone} value={zone}>
                {zone === here ? trans.__('%1 (yours)', zone) : zone}
              </option>
            ))}
          </select>
        </label>
        {failure && <Failure error={failure} />}
        <div className="jp-AppBuilder-actions">
          <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={!changed || saving}>
            {saving ? trans.__('Saving…') : trans.__('Save')}
          </button>
        </div>
      </form>
    </Card>
  );
}

function limitText(unit: Unit, value: number): string {
  return unit === 'dollars' ? `≤ ${value}` : `≤ ${compact(value)}`;
}

function texts(settings: BudgetSettings): Record<string, string> {
  return Object.fromEntries(
    SCOPES.flatMap(scope =>
      (['dollars', 'tokens'] as const).map(unit => [`${scope}.${unit}`, String(settings.own[scope][unit] ?? '')])
    )
  );
}

function changesOf(
  fields: Record<string, string>,
  before: Record<string, string>,
  timezone: string | undefined
): BudgetChanges {
  const changes: BudgetChanges = timezone === undefined ? {} : { timezone };
  for (const scope of SCOPES) {
    for (const unit of ['dollars', 'tokens'] as const) {
      const key = `${scope}.${unit}`;
      if (fields[key] !== before[key]) {
        changes[scope] = { ...changes[scope], [unit]: Number(fields[key] ?? 0) };
      }
    }
  }
  return changes;
}

export const usageAndBudgets: PanelPage = {
  title: trans => trans.__('Usage and budgets'),
  icon: 'coin',
  Body: ({ model, catalog }) => (
    <UsagePage
      api={model.api}
      transport={model.get().store?.transport ?? null}
      models={catalog.models}
      onClose={() => model.leave()}
    >
      <SettingValues api={model.api} page="usage" />
    </UsagePage>
  )
};
