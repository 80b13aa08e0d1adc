import * as React from 'react';
import type { AllowedHost, SandboxChoice, Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';
import type { Translation } from '../controls/translation';

/** A provider's name for people. */
export function sandboxTitle(name: string, trans: Translation): string {
  switch (name) {
    case 'local':
      return trans.__('This machine');
    case 'e2b':
      return trans.__('E2B cloud');
    case 'kubernetes':
      return trans.__('Kubernetes cluster');
    default:
      return name;
  }
}

/** Says all the time what somebody who runs generated code here has to know. */
export function IsolationWarning({ sandbox }: { sandbox: SandboxChoice | undefined }): React.ReactElement | null {
  const trans = useTranslation();
  const warning = sandbox?.isolation?.warning ?? '';
  if (warning === '') {
    return null;
  }
  return (
    <div className="jp-AppBuilder-banner" role="note" aria-label={trans.__('Warning about the sandbox')}>
      <Icon name="alert" />
      <span>{warning}</span>
    </div>
  );
}

/** Where a session runs, in a word; opens what is behind it. */
export function SandboxChip({
  name,
  sandbox,
  hosts,
  open,
  controls,
  onToggle
}: {
  name: string;
  sandbox: SandboxChoice | undefined;
  hosts: number;
  open: boolean;
  controls: string;
  onToggle: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const kind = sandbox?.isolation?.kind ?? name;
  const detail = sandbox?.isolation?.detail ?? '';
  const network = hosts === 0 ? '' : trans._n('%1 host', '%1 hosts', hosts, hosts);
  return (
    <button
      type="button"
      className="jp-AppBuilder-chip"
      aria-expanded={open}
      aria-controls={controls}
      aria-label={trans.__('Sandbox: %1', network ? `${kind}, ${network}` : kind)}
      title={detail || trans.__('Where this app runs, and what it may reach')}
      onClick={onToggle}
    >
      <Icon name={sandbox?.isolation?.warning ? 'alert' : 'shield'} />
      {kind}
      {network && (
        <>
          {' · '}
          <Icon name="globe" />
          {network}
        </>
      )}
    </button>
  );
}

/** Where the session runs, and the hosts its code may reach. */
export function SandboxSection({
  id,
  name,
  sandbox,
  transport,
  version,
  onClose
}: {
  id: string;
  name: string;
  sandbox: SandboxChoice | undefined;
  transport: Transport;
  /** Changes whenever the list has changed. */
  version: number;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [hosts, setHosts] = React.useState<readonly AllowedHost[] | null>(null);
  const [text, setText] = React.useState('');
  const [busy, setBusy] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const heading = React.useRef<HTMLHeadingElement>(null);
  const input = React.useRef<HTMLInputElement>(null);

  React.useEffect(() => heading.current?.focus(), []);
  React.useEffect(() => {
    let wanted = true;
    transport.hosts().then(
      found => wanted && setHosts(found),
      (error: unknown) => wanted && setFailure(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [transport, version]);

  const change = (request: Promise<unknown>, done?: () => void): void => {
    setBusy(true);
    setFailure(null);
    request
      .then(async () => {
        setHosts(await transport.hosts());
        done?.();
      })
      .catch((error: unknown) => setFailure(RequestFailed.from(error)))
      .finally(() => setBusy(false));
  };
  return (
    <section
      id={id}
      className="jp-AppBuilder-sandbox"
      aria-labelledby={`${id}-title`}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <div className="jp-AppBuilder-headerRow">
        <h3 id={`${id}-title`} tabIndex={-1} ref={heading}>
          {trans.__('Sandbox')}
        </h3>
        <button type="button" className="jp-AppBuilder-iconButton" aria-label={trans.__('Close')} onClick={onClose}>
          <Icon name="cross" />
        </button>
      </div>
      <p>
        {sandboxTitle(name, trans)}
        {sandbox?.isolation && <span className="jp-AppBuilder-quiet"> · {sandbox.isolation.detail}</span>}
      </p>
      {sandbox && !sandbox.isolation && (
        <Failure error={new RequestFailed({ message: sandbox.message, hint: sandbox.hint })} />
      )}
      <h4>{trans.__('Network')}</h4>
      <p className="jp-AppBuilder-hint">
        {trans.__(
          'The app’s code can reach only these hosts. Packages come from your registries; pages in the browser are not restricted by this list.'
        )}
      </p>
      {hosts === null && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {hosts?.length === 0 && (
        <p className="jp-AppBuilder-none">{trans.__('No host: the app’s code has no network.')}</p>
      )}
      {hosts !== null && hosts.length > 0 && (
        <ul className="jp-AppBuilder-hosts" aria-label={trans.__('Allowed hosts')}>
          {hosts.map(host => (
            <li key={host.host}>
              <Icon name="globe" />
              <code className="jp-AppBuilder-ellipsis" title={host.name}>
                {host.name}
              </code>
              {host.turn !== null && <span className="jp-AppBuilder-tag">{trans.__('once')}</span>}
              {host.source !== 'session' ? (
                <span
                  className="jp-AppBuilder-tag"
                  title={
                    host.source === 'hub'
                      ? trans.__('Your JupyterHub’s administrator decided it for everybody: %1', 'egress_hosts')
                      : trans.__('Set by the administrator: c.AppBuilder.egress_hosts')
                  }
                >
                  {host.source === 'hub' ? trans.__('JupyterHub') : trans.__('configured')}
                </span>
              ) : (
                <IconButton
                  icon="cross"
                  label={trans.__('Remove %1', host.name)}
                  title={trans.__('Remove it; open connections are closed')}
                  disabled={busy}
                  onClick={() => change(transport.revokeHost(host.host), () => heading.current?.focus())}
                />
              )}
            </li>
          ))}
        </ul>
      )}
      <form
        className="jp-AppBuilder-addHost"
        onSubmit={event => {
          event.preventDefault();
          if (text.trim() !== '') {
            change(transport.allowHost(text.trim()), () => {
              setText('');
              input.current?.focus();
            });
          }
        }}
      >
        <input
          ref={input}
          className="jp-AppBuilder-input"
          value={text}
          placeholder="api.example.org"
          aria-label={trans.__('Host to allow')}
          spellCheck={false}
          autoCapitalize="none"
          onChange={event => setText(event.target.value)}
        />
        <button type="submit" className="jp-AppBuilder-button" disabled={busy || text.trim() === ''}>
          <Icon name="plus" />
          {trans.__('Allow')}
        </button>
      </form>
      {failure && <Failure error={failure} />}
    </section>
  );
}
