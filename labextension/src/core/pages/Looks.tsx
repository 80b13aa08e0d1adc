/** Links by which other people look at the open session: who, until when; a new one, and one that is taken back. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { spoken } from '../controls/language';
import { useTranslation } from '../controls/surroundings';
import { PublishedAddress } from '../publishing/Address';
import { Confirm } from '../publishing/Confirm';
import { PeopleFields, readersOf, type Named } from '../publishing/People';
import { PeopleNames } from '../publishing/ReadersPart';
import type { Look } from '../wire/api.generated';
import type { Looks, Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Page, type PanelPage } from './Page';

/** How long a link can be good for, in days. */
const DAYS: readonly number[] = [1, 7, 30, 90, 365];
const USUAL = 30;
const NOBODY: Named = { who: 'people', users: '', groups: '' };
/** So many links are drawn at first. */
const DRAWN = 10;

export function LooksPage({ transport, onClose }: { transport: Transport; onClose: () => void }): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  const [told, setTold] = React.useState<Looks | null>(null);
  const [made, setMade] = React.useState('');
  const [asked, setAsked] = React.useState('');
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [acting, setActing] = React.useState(false);
  const [drawn, setDrawn] = React.useState(DRAWN);
  const [again, setAgain] = React.useState(0);
  React.useEffect(() => {
    let wanted = true;
    setFailure(null);
    transport.looks?.().then(
      found => wanted && setTold(found),
      (error: unknown) => wanted && setFailure(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [transport, again]);
  const end = (look: Look): void => {
    setActing(true);
    setFailure(null);
    transport
      .removeLook?.(look.id)
      .then(
        () => {
          setAsked('');
          setTold(known => known && { ...known, looks: known.looks.filter(({ id }) => id !== look.id) });
          heading.current?.focus();
        },
        (error: unknown) => setFailure(RequestFailed.from(error))
      )
      .finally(() => setActing(false));
  };
  return (
    <Page title={trans.__('Share a look')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-quiet">
        {trans.__(
          'A link shows others this session as it is when they look: what was asked and answered, the versions, and how the app looked. They reach nothing else here, and see no private data and no secret.'
        )}
      </p>
      {failure && (
        <Failure error={failure}>
          <button type="button" className="jp-AppBuilder-link" onClick={() => setAgain(count => count + 1)}>
            {trans.__('Try again')}
          </button>
        </Failure>
      )}
      {!told && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {told?.unavailable && (
        <div className="jp-AppBuilder-notice" role="status">
          <Icon name="alert" />
          <p>{told.unavailable}</p>
        </div>
      )}
      {told && !told.unavailable && (
        <NewLook
          hub={told.hub}
          transport={transport}
          onMade={look => {
            setMade(look.id);
            setTold(known => known && { ...known, looks: [look, ...known.looks] });
          }}
        />
      )}
      {told && told.looks.length === 0 && !told.unavailable && (
        <p className="jp-AppBuilder-note">{trans.__('There is no link yet: nobody but you sees this session.')}</p>
      )}
      {told && told.looks.length > 0 && (
        <ul className="jp-AppBuilder-looks" aria-label={trans.__('Links')}>
          {told.looks.slice(0, drawn).map(look => (
            <li
              key={look.id}
              ref={look.id === made ? intoView : undefined}
              className={look.id === made ? 'jp-mod-new' : ''}
            >
              {look.readers === 'everybody' ? (
                <strong>
                  {told.hub
                    ? trans.__('Everybody with an account on the Hub')
                    : trans.__('Whoever may use this Jupyter server')}
                </strong>
              ) : (
                <PeopleNames users={look.users} groups={look.groups} />
              )}
              <PublishedAddress url={look.url} what={trans.__('Open the link')} />
              <div className="jp-AppBuilder-meta">
                <span>
                  {trans.__('until %1', new Date(look.until).toLocaleDateString(spoken(), { dateStyle: 'medium' }))}
                </span>
                <span>{look.app ? trans.__('may open the app') : trans.__('may not open the app')}</span>
                {told.hub && (
                  <span>{look.copies ? trans.__('may copy the app') : trans.__('may not copy the app')}</span>
                )}
                <button
                  type="button"
                  className="jp-AppBuilder-link"
                  disabled={acting}
                  aria-label={trans.__('Take this link back')}
                  onClick={() => setAsked(look.id)}
                >
                  {trans.__('Take back…')}
                </button>
              </div>
              {asked === look.id && (
                <Confirm
                  question={trans.__('Take the link back?')}
                  detail={trans.__('It opens nothing any more, at once and for everybody who has it.')}
                  yes={trans.__('Take back')}
                  disabled={acting}
                  onYes={() => end(look)}
                  onNo={() => setAsked('')}
                />
              )}
            </li>
          ))}
        </ul>
      )}
      {told && told.looks.length > drawn && (
        <button type="button" className="jp-AppBuilder-link" onClick={() => setDrawn(known => known + 5 * DRAWN)}>
          {trans.__('Show older links (%1)', told.looks.length - drawn)}
        </button>
      )}
    </Page>
  );
}

/** Once, when it is drawn for the first time. */
function intoView(element: HTMLElement | null): void {
  element?.scrollIntoView?.({ block: 'nearest' });
}

function NewLook({
  hub,
  transport,
  onMade
}: {
  /** People can be named. */
  hub: boolean;
  transport: Transport;
  onMade: (look: Look) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const [who, setWho] = React.useState<Named>(NOBODY);
  const [days, setDays] = React.useState(USUAL);
  const [app, setApp] = React.useState(true);
  const [copies, setCopies] = React.useState(true);
  const [sending, setSending] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    if (sending) {
      return;
    }
    const { readers, users, groups } = readersOf(hub ? who : { ...NOBODY, who: 'everybody' });
    if (readers === 'people' && users.length + groups.length === 0) {
      setFailure(
        new RequestFailed({
          message: trans.__('Nobody is named who may look.'),
          hint: trans.__('Name users or groups, or choose everybody.'),
          field: 'users'
        })
      );
      return;
    }
    setSending(true);
    setFailure(null);
    transport
      .addLook?.({
        readers: readers === 'people' ? 'people' : 'everybody',
        users,
        groups,
        days,
        copies: hub && copies,
        app
      })
      .then(
        look => {
          setWho(NOBODY);
          onMade(look);
        },
        (error: unknown) => setFailure(RequestFailed.from(error))
      )
      .finally(() => setSending(false));
  };
  return (
    <form className="jp-AppBuilder-publishForm" onSubmit={submit} noValidate>
      {hub ? (
        <PeopleFields
          legend={trans.__('For whom')}
          choices={['people', 'everybody']}
          value={who}
          refused={failure?.field ?? ''}
          disabled={sending}
          onChange={value => {
            setFailure(null);
            setWho(value);
          }}
        />
      ) : (
        <p className="jp-AppBuilder-hint">
          <Icon name="person" />{' '}
          {trans.__(
            'This server is not on a JupyterHub, so that people cannot be named: whoever may use this Jupyter server can follow the link.'
          )}
        </p>
      )}
      <div className="jp-AppBuilder-field">
        <label htmlFor={`${id}-days`}>{trans.__('Good for')}</label>
        <select
          id={`${id}-days`}
          className="jp-AppBuilder-select"
          value={days}
          onChange={event => setDays(Number(event.target.value))}
        >
          {DAYS.map(count => (
            <option key={count} value={count}>
              {trans._n('%1 day', '%1 days', count, count)}
            </option>
          ))}
        </select>
      </div>
      <label className="jp-AppBuilder-checkbox">
        <input type="checkbox" checked={app} onChange={event => setApp(event.target.checked)} />
        <span>{trans.__('They may open the app: a copy of its newest version, with the data in it')}</span>
      </label>
      {hub && (
        <label className="jp-AppBuilder-checkbox">
          <input type="checkbox" checked={copies} onChange={event => setCopies(event.target.checked)} />
          <span>{trans.__('They may make an app of their own of it, without its data and secrets')}</span>
        </label>
      )}
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-actions">
        <button type="submit" className="jp-AppBuilder-button jp-mod-primary" disabled={sending}>
          {sending ? <Spinner /> : <Icon name="plus" />}
          {trans.__('Make a link')}
        </button>
      </div>
    </form>
  );
}

export const looks: PanelPage = {
  title: trans => trans.__('Share a look'),
  command: trans => trans.__('Share a look at the Session…'),
  icon: 'eye',
  ofSession: true,
  Body: ({ model }) => {
    const { store, session } = React.useSyncExternalStore(model.subscribe, model.get);
    const trans = useTranslation();
    const heading = React.useRef<HTMLHeadingElement>(null);
    return store ? (
      <LooksPage key={session} transport={store.transport} onClose={() => model.leave()} />
    ) : (
      <Page title={trans.__('Share a look')} heading={heading} onClose={() => model.leave()}>
        <p className="jp-AppBuilder-note">{trans.__('Open an app to share a look at it.')}</p>
      </Page>
    );
  }
};
