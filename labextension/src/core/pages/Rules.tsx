/** What the agent may do unasked, what it asks for and what it may not: the rules, and how to change them. */

import * as React from 'react';
import type { RuleAction, RuleSource } from '../wire/events';
import type { Api, ApprovalRule } from '../wire/transport';
import type { Translation } from '../controls/translation';
import { RequestFailed } from '../wire/wire';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { Page, type PanelPage } from './Page';
import { plainly } from '../feed/plainly';
import { useTools } from '../feed/toolLabel';
import { useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';

export const COMMANDS = 'run_command';

const ACTIONS: readonly RuleAction[] = ['allow', 'ask', 'deny'];

/** What the page asks. */
export type RuleAsks = Pick<Api, 'rules' | 'setRule' | 'removeRule'>;

export function RulesPage({
  api,
  session,
  title,
  onClose
}: {
  api: RuleAsks;
  /** The app that is open, if one is: rules can be made for it alone. */
  session: string | null;
  title: string;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [rules, setRules] = React.useState<readonly ApprovalRule[] | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [busy, setBusy] = React.useState(false);
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  React.useEffect(() => {
    let wanted = true;
    api.rules(session).then(
      found => wanted && setRules(found),
      (error: unknown) => wanted && setFailure(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [api, session]);
  const change = async (request: Promise<unknown>): Promise<boolean> => {
    setBusy(true);
    setFailure(null);
    try {
      await request;
      setRules(await api.rules(session));
      return true;
    } catch (error: unknown) {
      setFailure(RequestFailed.from(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  const of = (source: RuleSource): readonly ApprovalRule[] => rules?.filter(rule => rule.source === source) ?? [];
  const remove = (rule: ApprovalRule): void => {
    const from = rule.source === 'app' ? session : null;
    void change(api.removeRule(rule.id, from)).then(done => done && heading.current?.focus());
  };
  return (
    <Page id="rules" title={trans.__('Approval rules')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">
        {trans.__(
          'The agent works on its own in its sandbox. Destructive commands wait for your approval; these rules decide what else runs, asks or is denied. They never apply to what you do yourself.'
        )}
      </p>
      {failure && <Failure error={failure} />}
      {rules === null && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {rules !== null && (
        <>
          <NewRule
            app={session !== null}
            busy={busy}
            onAdd={async (rule, forApp) => change(api.setRule(rule, forApp ? session : null))}
          />
          {session !== null && (
            <RuleList
              title={trans.__('For this app')}
              about={title}
              rules={of('app')}
              busy={busy}
              onRemove={remove}
              empty={trans.__('None yet. “Always for this app” on a question of the agent’s adds one.')}
            />
          )}
          <RuleList
            title={trans.__('For all your apps')}
            rules={of('person')}
            busy={busy}
            onRemove={remove}
            empty={trans.__(
              'None yet. Add one above: deny “git push *” keeps the agent from pushing, ask “*” with the tool install_packages asks before every new package.'
            )}
          />
          {of('configuration').length > 0 && (
            <RuleList
              title={trans.__('Set by the administrator')}
              about={trans.__('What these rules deny or ask for cannot be overridden.')}
              rules={of('configuration')}
            />
          )}
          <BuiltIn rules={of('default')} />
          <p className="jp-AppBuilder-hint">
            {trans.__(
              'Deny always wins. Otherwise the app’s rules come first, then yours, then the built-in ones; within each, ask wins over allow. A call that no rule matches runs.'
            )}
          </p>
        </>
      )}
    </Page>
  );
}

function NewRule({
  app,
  busy,
  onAdd
}: {
  app: boolean;
  busy: boolean;
  onAdd: (rule: { tool: string; pattern: string; action: RuleAction }, forApp: boolean) => Promise<boolean>;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  // What changes or asks for something, besides commands.
  const others = [...useTools().values()]
    .filter(({ name, effect, asks }) => name !== COMMANDS && (effect !== 'read' || asks))
    .map(({ name }) => name);
  const [tool, setTool] = React.useState<string>(COMMANDS);
  const [pattern, setPattern] = React.useState('');
  const [action, setAction] = React.useState<RuleAction>('ask');
  const [forApp, setForApp] = React.useState(false);
  const input = React.useRef<HTMLInputElement>(null);
  return (
    <form
      className="jp-AppBuilder-usageCard jp-AppBuilder-newRule"
      aria-labelledby={`${id}-title`}
      onSubmit={event => {
        event.preventDefault();
        if (pattern.trim() !== '') {
          void onAdd({ tool: tool.trim(), pattern: pattern.trim(), action }, app && forApp).then(done => {
            if (done) {
              setPattern('');
              input.current?.focus();
            }
          });
        }
      }}
    >
      <h3 id={`${id}-title`}>{trans.__('New rule')}</h3>
      <div className="jp-AppBuilder-ruleRow">
        <select
          className="jp-AppBuilder-select"
          aria-label={trans.__('What happens')}
          value={action}
          onChange={event => setAction(event.target.value as RuleAction)}
        >
          {ACTIONS.map(name => (
            <option key={name} value={name}>
              {actionTitle(name, trans)}
            </option>
          ))}
        </select>
        <select
          className="jp-AppBuilder-select"
          aria-label={trans.__('Tool')}
          value={tool}
          onChange={event => setTool(event.target.value)}
        >
          <option value={COMMANDS}>{trans.__('Command')}</option>
          {others.map(name => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
          <option value="*">{trans.__('Any tool')}</option>
        </select>
        {app && (
          <select
            className="jp-AppBuilder-select"
            aria-label={trans.__('Where it holds')}
            value={forApp ? 'app' : 'all'}
            onChange={event => setForApp(event.target.value === 'app')}
          >
            <option value="all">{trans.__('All my apps')}</option>
            <option value="app">{trans.__('This app')}</option>
          </select>
        )}
      </div>
      <div className="jp-AppBuilder-ruleRow">
        <input
          ref={input}
          className="jp-AppBuilder-input"
          value={pattern}
          placeholder={tool === COMMANDS ? 'git push *' : '*'}
          aria-label={trans.__('Pattern')}
          aria-describedby={`${id}-hint`}
          spellCheck={false}
          autoCapitalize="none"
          maxLength={2000}
          onChange={event => setPattern(event.target.value)}
        />
        <button type="submit" className="jp-AppBuilder-button" disabled={busy || pattern.trim() === ''}>
          <Icon name="plus" />
          {trans.__('Add')}
        </button>
      </div>
      <p id={`${id}-hint`} className="jp-AppBuilder-hint">
        {tool === COMMANDS
          ? trans.__(
              'The words of a command. * matches any further words, -f matches that option anywhere. Commands inside longer lines match too: npm test && git push.'
            )
          : trans.__('What the tool works on, such as a path or a package; * matches anything.')}
      </p>
    </form>
  );
}

function RuleList({
  title,
  about,
  rules,
  empty,
  busy = false,
  onRemove
}: {
  title: string;
  about?: string;
  rules: readonly ApprovalRule[];
  empty?: string;
  busy?: boolean;
  onRemove?: (rule: ApprovalRule) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  return (
    <section aria-labelledby={id} className="jp-AppBuilder-ruleGroup">
      <h3 id={id}>{title}</h3>
      {about && <p className="jp-AppBuilder-hint">{about}</p>}
      {rules.length === 0 && <p className="jp-AppBuilder-none">{empty}</p>}
      {rules.length > 0 && (
        <ul className="jp-AppBuilder-hosts" aria-labelledby={id}>
          {rules.map(rule => (
            <li key={rule.id}>
              <ActionTag action={rule.action} />
              <RuleWords rule={rule} />
              {onRemove && (
                <IconButton
                  icon="cross"
                  label={trans.__('Remove the rule %1', rule.pattern)}
                  title={trans.__('Remove')}
                  disabled={busy}
                  onClick={() => onRemove(rule)}
                />
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** The rules nobody had to write, by what they are for. */
function BuiltIn({ rules }: { rules: readonly ApprovalRule[] }): React.ReactElement {
  const trans = useTranslation();
  const reasons = [...new Set(rules.map(rule => rule.reason))];
  return (
    <details className="jp-AppBuilder-builtIn">
      <summary>{trans._n('%1 built-in rule', '%1 built-in rules', rules.length, rules.length)}</summary>
      <p className="jp-AppBuilder-hint">
        {trans.__(
          'Destructive commands ask. {source} is a path that is not build output, {existing} one that exists, {others} a process that the command did not start, {unreadable} a line whose effect cannot be predicted.'
        )}
      </p>
      {reasons.map(reason => (
        <div key={reason} className="jp-AppBuilder-ruleGroup">
          <p>{reason}</p>
          <ul className="jp-AppBuilder-hosts">
            {rules
              .filter(rule => rule.reason === reason)
              .map(rule => (
                <li key={rule.id}>
                  <ActionTag action={rule.action} />
                  <RuleWords rule={rule} />
                </li>
              ))}
          </ul>
        </div>
      ))}
    </details>
  );
}

function RuleWords({ rule }: { rule: ApprovalRule }): React.ReactElement {
  return (
    <code title={rule.reason || undefined}>
      {rule.tool !== COMMANDS && <span className="jp-AppBuilder-quiet">{rule.tool} </span>}
      {plainly(rule.pattern)}
    </code>
  );
}

function ActionTag({ action }: { action: RuleAction }): React.ReactElement {
  const trans = useTranslation();
  return (
    <span className={`jp-AppBuilder-tag jp-AppBuilder-action jp-mod-${action}`}>{actionTitle(action, trans)}</span>
  );
}

export function actionTitle(action: RuleAction, trans: Translation): string {
  switch (action) {
    case 'allow':
      return trans.__('Allow');
    case 'ask':
      return trans.__('Ask');
    case 'deny':
      return trans.__('Deny');
  }
}

export const approvalRules: PanelPage = {
  title: trans => trans.__('Approval rules'),
  icon: 'shield',
  Body: ({ model, session }) => (
    <RulesPage
      api={model.api}
      session={model.get().session}
      title={session?.title ?? ''}
      onClose={() => model.leave()}
    />
  )
};
