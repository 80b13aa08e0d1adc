import * as React from 'react';
import type { ApprovalItem, NetworkItem, RefusedItem } from '../view';
import { Icon } from './Icon';
import { useTranslation } from './surroundings';
import type { TurnActions } from './Turn';

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
  const { approval, question, reason, kind, remember } = item.approval;
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
          {question} <strong>{outcome(item, trans)}</strong>
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
      <Icon name={kind === 'network' ? 'globe' : 'shield'} />
      <div>
        <p id={`${id}-question`}>
          <strong>{question}</strong>
        </p>
        <div id={`${id}-about`} className="jp-AppBuilder-questionAbout">
          {reason && <p>“{reason}”</p>}
          {kind === 'network' && (
            <p className="jp-AppBuilder-hint">
              {trans.__('What the app sends there leaves this machine.')}
            </p>
          )}
        </div>
        {actions.owned ? (
          <div className="jp-AppBuilder-noticeActions">
            {remember && (
              <button
                type="button"
                className="jp-AppBuilder-button jp-mod-primary"
                disabled={sent}
                title={trans.__('Until you take it back')}
                onClick={() => answer(true, true)}
              >
                {trans.__('Allow for this app')}
              </button>
            )}
            <button
              type="button"
              className={`jp-AppBuilder-button ${remember ? '' : 'jp-mod-primary'}`}
              disabled={sent}
              title={kind === 'network' ? trans.__('Until this request is done') : undefined}
              onClick={() => answer(true, false)}
            >
              {trans.__('Allow once')}
            </button>
            <button type="button" className="jp-AppBuilder-button" disabled={sent} onClick={() => answer(false, false)}>
              {trans.__('Deny')}
            </button>
          </div>
        ) : (
          <p className="jp-AppBuilder-hint">{trans.__('It waits for an answer where the session is open.')}</p>
        )}
      </div>
    </div>
  );
}

function outcome(item: ApprovalItem, trans: ReturnType<typeof useTranslation>): string {
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
      <span title={item.reason}>{trans.__('The app tried to reach %1, which it may not.', name)}</span>
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
      <span>{item.allowed ? trans.__('The app may reach %1.', name) : trans.__('The app may no longer reach %1.', name)}</span>
    </div>
  );
}
