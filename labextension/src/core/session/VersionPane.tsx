/** An earlier version of an app as it runs beside the present one: to be looked at, and gone back to. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { SessionStore } from '../view/store';
import { isBusy, type ShownVersion } from '../view/view';
import { RequestFailed, type Summary } from '../wire/wire';
import { guardFocus } from './frameFocus';
import { Progress } from './Session';

export function VersionPane({
  store,
  version,
  resolve,
  onClose,
  openSession
}: {
  store: SessionStore;
  version: ShownVersion;
  /** The address to load for a path that the server gave. */
  resolve: (url: string) => string;
  onClose: () => void;
  openSession: (session: Summary) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { checkpoint, number, title } = version;
  const { view, connection } = React.useSyncExternalStore(store.subscribe, store.get);
  const { transport } = store;
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [acting, setActing] = React.useState(false);
  const [seized, setSeized] = React.useState(false);
  const frame = React.useRef<HTMLIFrameElement>(null);
  React.useEffect(
    () =>
      guardFocus(
        () => frame.current,
        () => setSeized(true)
      ),
    []
  );

  const attempt = React.useCallback((request: Promise<unknown> | undefined): void => {
    setFailure(null);
    setActing(true);
    request?.catch((error: unknown) => setFailure(RequestFailed.from(error))).finally(() => setActing(false));
  }, []);
  const show = React.useCallback(() => attempt(transport.showVersion?.(checkpoint)), [attempt, transport, checkpoint]);
  const asked = React.useRef(false);
  const open = connection.state === 'open' && view.caughtUp;
  React.useEffect(() => {
    if (open && !asked.current) {
      asked.current = true;
      show();
    }
  }, [open, show]);

  const status = view.version?.checkpoint === checkpoint ? view.version : null;
  // What was asked for has not been answered: nothing has ended yet.
  const state = status?.state ?? (failure ? 'failed' : acting || !open ? 'starting' : 'stopped');
  const busy = isBusy(view);
  const url = state === 'ready' && status?.url ? resolve(status.url) : null;
  return (
    <section
      className="jp-AppBuilder-preview jp-AppBuilder-versionPane"
      aria-label={trans.__('Version %1, read-only', number)}
    >
      <header className="jp-AppBuilder-versionBanner">
        <Icon name="clock" />
        <div className="jp-AppBuilder-versionSaid">
          <strong>{trans.__('Version %1 — read-only', number)}</strong>
          <span className="jp-AppBuilder-ellipsis" title={title}>
            {title}
          </span>
          <span className="jp-AppBuilder-meta">
            {status?.data === 'version'
              ? trans.__('With a copy of the data of that version. Nothing you do here reaches the app.')
              : status?.data === 'present'
                ? trans.__('With a copy of the data as they are now. Nothing you do here reaches the app.')
                : trans.__('Nothing you do here reaches the app.')}{' '}
            {status?.note}
          </span>
        </div>
        <div className="jp-AppBuilder-versionActs">
          <button
            type="button"
            className="jp-AppBuilder-button"
            disabled={busy || acting}
            title={
              busy
                ? trans.__('Wait until the running request has ended, or stop it.')
                : trans.__('Bring the files and the preview back to this version. This can be undone.')
            }
            onClick={() => attempt(transport.restore(checkpoint).then(onClose))}
          >
            <Icon name="undo" />
            {trans.__('Restore')}
          </button>
          {transport.fork && (
            <button
              type="button"
              className="jp-AppBuilder-button"
              disabled={acting}
              title={trans.__('Fork from here: copy this app at this version. This app is not changed.')}
              onClick={() => attempt(transport.fork?.({ checkpoint }).then(openSession))}
            >
              <Icon name="fork" />
              {trans.__('Fork')}
            </button>
          )}
          <button type="button" className="jp-AppBuilder-button" onClick={onClose}>
            <Icon name="cross" />
            {trans.__('Close')}
          </button>
        </div>
      </header>
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-stage jp-mod-desktop">
        {url && !seized ? (
          <iframe
            key={url}
            ref={frame}
            src={url}
            title={trans.__('Version %1, read-only', number)}
            sandbox="allow-scripts allow-forms allow-modals"
            referrerPolicy="no-referrer"
          />
        ) : (
          <div className="jp-AppBuilder-waiting" role={state === 'failed' || seized ? 'alert' : 'status'}>
            <h2>
              {seized
                ? trans.__('The page was closed')
                : state === 'failed'
                  ? trans.__('The version could not start')
                  : state === 'starting' || state === 'ready'
                    ? trans.__('Starting version %1', number)
                    : trans.__('The version is not running')}
            </h2>
            {seized ? (
              <p>{trans.__('It kept taking keyboard focus while you typed elsewhere.')}</p>
            ) : state === 'failed' ? (
              status && (
                <pre
                  className="jp-AppBuilder-problem"
                  tabIndex={0}
                  role="group"
                  aria-label={trans.__('Error')}
                >{`${status.message}${status.log ? `\n\n${status.log}` : ''}`}</pre>
              )
            ) : state === 'starting' || state === 'ready' ? (
              <Progress message={status?.message || trans.__('One moment…')} fraction={status?.fraction ?? null} />
            ) : (
              <p>
                {view.version && !status && view.version.state !== 'stopped'
                  ? trans.__('Another version is shown now; one runs at a time.')
                  : trans.__('It ends after ten minutes without a look, and with the app.')}
              </p>
            )}
            {(state === 'failed' || state === 'stopped' || seized) && (
              <button
                type="button"
                className="jp-AppBuilder-button jp-mod-primary"
                disabled={acting}
                onClick={() => {
                  setSeized(false);
                  show();
                }}
              >
                {state === 'failed' ? trans.__('Try again') : trans.__('Show it again')}
              </button>
            )}
          </div>
        )}
      </div>
    </section>
  );
}
