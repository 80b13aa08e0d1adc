import * as React from 'react';
import type { RuleSource } from '../wire/events';
import { known, type Translation } from '../controls/translation';
import { asked } from '../view/asked';
import type { ApprovalItem, NetworkItem, RefusedItem, RuleItem } from '../view/view';
import { Icon } from '../controls/Icon';
import { SecretField } from '../data/SecretsPane';
import { plainly } from './plainly';
import { actionTitle, COMMANDS } from '../pages/Rules';
import { useTranslation } from '../controls/surroundings';
import { useName } from './ByWhom';
import type { TurnActions } from './actions';

/** `host:port` as people write it: without HTTPS's port. */
export function hostName(host: string): string {
  return host.replace(/:443$/, '');
}

/** A question of the agent's, with the buttons that answer it; afterwards a line that says what was answered. */
export function Approval({ item, actions }: { item: ApprovalItem; actions: TurnActions }): React.ReactElement {
  const trans = useTranslation();
  const [sent, setSent] = React.useState(false);
  const id = React.useId();
  const line = React.useRef<HTMLDivElement>(null);
  const { approval, reason, kind, remember, rule, subject = '', allows = [] } = item.approval;
  const question = asked(item.approval, trans);
  const name = useName(item.byWhom);
  const open = item.granted === null;

  React.useEffect(() => {
    if (!open && sent) {
      line.current?.focus(); // the button that had the focus is gone
    }
  }, [open, sent]);

  if (!open) {
    return (
      <div className="jp-AppBuilder-event" ref={line} tabIndex={-1}>
        <Icon name={item.granted ? 'check' : 'cross'} />
        <span>
          {question} {rule && <code className="jp-AppBuilder-asked">{plainly(subject)}</code>}{' '}
          <strong>{outcome(item, trans)}</strong>
          {name !== '' && <span className="jp-AppBuilder-note"> {trans.__('answered by %1', name)}</span>}
        </span>
      </div>
    );
  }
  const answer = (granted: boolean, forApp: boolean): void => {
    setSent(true);
    const request = actions.transport.answer(approval, granted, forApp);
    request.catch(() => setSent(false));
    actions.attempt(request);
  };
  return (
    <div
      className="jp-AppBuilder-notice jp-mod-question"
      role="group"
      aria-labelledby={`${id}-question`}
      aria-describedby={`${id}-about`}
    >
      <Icon name={kind === 'network' ? 'globe' : kind === 'secret' ? 'key' : 'shield'} />
      <div>
        <p id={`${id}-question`}>
          <strong>{question}</strong>
        </p>
        <div id={`${id}-about`} className="jp-AppBuilder-questionAbout">
          {rule ? (
            <>
              <pre
                className="jp-AppBuilder-output jp-AppBuilder-command"
                tabIndex={0}
                aria-label={trans.__('What it is')}
              >
                {plainly(subject)}
              </pre>
              <p>
                {reason ? known(reason, trans) : trans.__('A rule says to ask first.')}
                {rule.what !== '' && rule.what !== subject && (
                  <>
                    {' '}
                    <code>{plainly(rule.what)}</code>
                  </>
                )}
              </p>
              <p className="jp-AppBuilder-hint">
                {ruleSource(rule.source, trans)} <code>{plainly(rule.pattern)}</code>
              </p>
            </>
          ) : (
            reason && <p>“{reason}”</p>
          )}
          {kind === 'network' && (
            <p className="jp-AppBuilder-hint">{trans.__('What the app sends there leaves this machine.')}</p>
          )}
        </div>
        {kind === 'secret' && actions.owned && actions.transport.setSecret ? (
          <SecretQuestion name={subject} actions={actions} sent={sent} onAnswer={granted => answer(granted, false)} />
        ) : actions.owned ? (
          <div className="jp-AppBuilder-noticeActions">
            {(rule ? ['once', 'always'] : ['always', 'once']).map(how =>
              how === 'always' ? (
                remember && (
                  <button
                    key={how}
                    type="button"
                    className={`jp-AppBuilder-button ${rule ? '' : 'jp-mod-primary'}`}
                    disabled={sent}
                    title={
                      rule
                        ? trans.__('Allowed without asking from now on: %1', allows.map(plainly).join(', '))
                        : trans.__('Until you take it back')
                    }
                    onClick={() => answer(true, true)}
                  >
                    {rule ? trans.__('Always for this app') : trans.__('Allow for this app')}
                  </button>
                )
              ) : (
                <button
                  key={how}
                  type="button"
                  className={`jp-AppBuilder-button ${remember && !rule ? '' : 'jp-mod-primary'}`}
                  disabled={sent}
                  title={kind === 'network' ? trans.__('Until this request is done') : undefined}
                  onClick={() => answer(true, false)}
                >
                  {trans.__('Allow once')}
                </button>
              )
            )}
            <button type="button" className="jp-AppBuilder-button" disabled={sent} onClick={() => answer(false, false)}>
              {trans.__('Deny')}
            </button>
          </div>
        ) : (
          <p className="jp-AppBuilder-hint">{trans.__('Answer it where the session is open.')}</p>
        )}
      </div>
    </div>
  );
}

/** A field for what the agent asked for: the value goes to the server, and the agent gets to know that it is set. */
function SecretQuestion({
  name,
  actions,
  sent,
  onAnswer
}: {
  name: string;
  actions: TurnActions;
  sent: boolean;
  onAnswer: (granted: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const set = async (_: string, value: string): Promise<boolean> => {
    const request = actions.transport.setSecret?.(name, value) ?? Promise.reject(new Error());
    actions.attempt(request);
    try {
      await request;
    } catch {
      return false;
    }
    onAnswer(true);
    return true;
  };
  return (
    <>
      <SecretField name={name} onSet={set} />
      <p className="jp-AppBuilder-hint">
        {trans.__('Only the app’s functions get it. The agent gets to know that it is set, not what it is.')}
      </p>
      <div className="jp-AppBuilder-noticeActions">
        <button type="button" className="jp-AppBuilder-button" disabled={sent} onClick={() => onAnswer(false)}>
          {trans.__('Later')}
        </button>
      </div>
    </>
  );
}

function ruleSource(source: RuleSource, trans: Translation): string {
  switch (source) {
    case 'configuration':
      return trans.__('The administrator’s rule:');
    case 'person':
      return trans.__('Your rule:');
    case 'app':
      return trans.__('This app’s rule:');
    case 'default':
      return trans.__('Built-in rule:');
  }
}

function outcome(item: ApprovalItem, trans: ReturnType<typeof useTranslation>): string {
  if (item.approval.kind === 'secret' && (item.granted || item.cause === null)) {
    return item.granted ? trans.__('Set.') : trans.__('Not set yet.');
  }
  if (item.granted) {
    return item.remembered ? trans.__('Allowed for this app.') : trans.__('Allowed once.');
  }
  switch (item.cause) {
    case 'stopped':
      return trans.__('Not answered: the request was stopped.');
    case 'interrupted':
      return trans.__('Not answered: the server stopped.');
    case 'unattended':
      return trans.__('Not allowed: nobody could be asked.');
    case null:
      return trans.__('Not allowed.');
  }
}

/** A connection that the sandbox's way out refused. */
export function Refused({ item, actions }: { item: RefusedItem; actions: TurnActions }): React.ReactElement {
  const trans = useTranslation();
  const name = hostName(item.host);
  const allowed = actions.hosts.has(item.host);
  return (
    <div className="jp-AppBuilder-event">
      <Icon name="globe" />
      <span title={item.reason}>{trans.__('Blocked: %1 is not on this app’s list.', name)}</span>
      {item.times > 1 && <span className="jp-AppBuilder-tag">{trans.__('%1 times', item.times)}</span>}
      {allowed && <span className="jp-AppBuilder-tag">{trans.__('allowed since')}</span>}
      {!allowed && actions.owned && (
        <button
          type="button"
          className="jp-AppBuilder-link"
          aria-label={trans.__('Allow %1 for this app', name)}
          onClick={() => actions.attempt(actions.transport.allowHost(item.host))}
        >
          {trans.__('Allow for this app')}
        </button>
      )}
    </div>
  );
}

/** A host that was allowed or taken back by hand. */
export function NetworkChange({ item }: { item: NetworkItem }): React.ReactElement {
  const trans = useTranslation();
  const name = hostName(item.host);
  return (
    <div className="jp-AppBuilder-event">
      <Icon name="globe" />
      <span>
        {item.allowed ? trans.__('The app may reach %1.', name) : trans.__('The app may no longer reach %1.', name)}
      </span>
    </div>
  );
}

/** A rule that was made for this app or taken back by hand. */
export function RuleChange({ item }: { item: RuleItem }): React.ReactElement {
  const trans = useTranslation();
  const { tool, pattern, action, holds } = item.rule;
  return (
    <div className="jp-AppBuilder-event">
      <Icon name="shield" />
      <span>
        {holds
          ? trans.__('New rule for this app: %1', actionTitle(action, trans))
          : trans.__('Rule removed: %1', actionTitle(action, trans))}{' '}
        <code className="jp-AppBuilder-asked">
          {tool !== COMMANDS && `${tool} `}
          {plainly(pattern)}
        </code>
      </span>
    </div>
  );
}
