/** Publishes the open app, and says what is published of it. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { PictureSource } from '../feed/Pictures';
import type { PublicationAct } from '../panel';
import { PublishedAddress } from '../publishing/Address';
import { Findings } from '../publishing/Findings';
import { FreshData } from '../publishing/FreshData';
import { Steps } from '../publishing/Progress';
import { PublicationCard, type PublicationAsks } from '../publishing/PublicationCard';
import { liveRelease } from '../publishing/wording';
import { PublishForm, type Choice } from '../publishing/PublishForm';
import type { SessionStore } from '../view/store';
import { currentCheckpoint, type SessionView } from '../view/view';
import type { Publication, PublishingOverview, PublishingTarget } from '../wire/api.generated';
import type { PublishingStatus } from '../wire/events.generated';
import type { Connection, PublishOrder, Transport } from '../wire/transport';
import { RequestFailed } from '../wire/wire';
import { Page, type PanelPage } from './Page';
import { pictureOf, titleOf, versionsOf, VersionThumbnail, type Version } from './Versions';

/** Characters of a version's title in a list. */
const SHOWN = 60;

function PublishPage({
  store,
  wanted,
  onFix,
  onClose
}: {
  store: SessionStore;
  wanted: PublicationAct | null;
  /** Writes a request for the agent, where the person sends it. */
  onFix: (request: string) => void;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  const { view, connection } = React.useSyncExternalStore(store.subscribe, store.get);
  const { transport } = store;
  const { told, current, failure, refresh } = usePublishing(store, view);
  const [refusal, setRefusal] = React.useState<RequestFailed | null>(null);
  const [sending, setSending] = React.useState(false);
  const { entries, checkpoints } = view;
  const versions = React.useMemo(() => versionsOf({ entries, checkpoints }), [entries, checkpoints]);
  const { publishing } = view;
  const going = publishing?.state === 'running' || publishing?.state === 'waiting';
  const ended = useEnd(publishing, going);
  const ask = (request: Promise<unknown> | undefined, done?: () => void): void => {
    setRefusal(null);
    setSending(true);
    request?.then(done, (error: unknown) => setRefusal(RequestFailed.from(error))).finally(() => setSending(false));
  };
  const id = view.session?.id ?? '';
  const order = (wanted: PublishOrder): void => {
    if (told) {
      ORDERED.set(id, withoutSecrets(wanted, told));
    }
    ask(transport.publish?.(wanted));
  };
  const newest = checkpoints[checkpoints.length - 1];
  /** What waits is of an older version: give it up for the newest. */
  const startAgain = (): void => {
    if (publishing && newest) {
      const { target, name } = publishing;
      const settings = ORDERED.get(id)?.target === target ? (ORDERED.get(id)?.settings ?? {}) : {};
      ask(
        transport
          .cancelPublishing?.()
          .then(() => transport.publish?.({ target, name, checkpoint: newest.checkpoint, settings }))
      );
    }
  };
  const asks = React.useMemo<PublicationAsks>(() => asksOf(transport, trans), [transport, trans]);
  const targetOf = (target: string): PublishingTarget | undefined => told?.targets.find(({ name }) => name === target);
  const titleIn = (target: string): string => targetOf(target)?.title ?? target;
  const blocked = blockedBecause(view, connection, trans);
  return (
    <Page title={trans.__('Publish')} heading={heading} onClose={onClose}>
      {failure && (
        <Failure error={failure}>
          <button type="button" className="jp-AppBuilder-link" onClick={refresh}>
            {trans.__('Try again')}
          </button>
        </Failure>
      )}
      {(!view.caughtUp || (!told && !failure)) && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {told && view.caughtUp && (
        <PictureSource.Provider value={transport.picture}>
          {told.publications
            .filter(({ target }) => !ended.shown || target !== publishing?.target || publishing.state !== 'done')
            .map(publication => (
              <PublicationCard
                key={publication.target}
                publication={publication}
                title={titleIn(publication.target)}
                keeps={targetOf(publication.target)?.keeps ?? false}
                chosen={targetOf(publication.target)?.settings.some(({ name }) => name === 'readers') ?? false}
                asks={asks}
                changed={changedSince(publication, view)}
                wanted={wanted}
                disabled={blocked !== ''}
                onDone={refresh}
              />
            ))}
          {told.publications.some(({ live }) => live !== null) && (
            <FreshData transport={transport} view={view} titleIn={titleIn} disabled={blocked !== ''} />
          )}
          {going || ended.shown ? (
            <Course
              key={publishing?.publish}
              publishing={publishing as PublishingStatus}
              title={titleIn(publishing?.target ?? '')}
              version={versions.find(({ checkpoint }) => checkpoint.checkpoint === publishing?.checkpoint)}
              failure={refusal}
              disabled={blocked !== '' || sending}
              onFix={onFix}
              onAccept={reasons => ask(transport.answerGate?.(reasons))}
              onNewest={
                publishing?.state === 'waiting' && newest && newest.checkpoint !== publishing.checkpoint
                  ? startAgain
                  : null
              }
              onCancel={() => ask(transport.cancelPublishing?.())}
              onLeave={ended.leave}
            />
          ) : (
            <PublishForm
              state={told}
              last={ORDERED.get(id) ?? null}
              versions={choices(versions, told, trans)}
              picture={checkpoint => {
                const version = versions.find(one => one.checkpoint.checkpoint === checkpoint);
                return <VersionThumbnail picture={version ? pictureOf(version, view.pictures) : null} />;
              }}
              first={told.publications.length === 0}
              blocked={blocked}
              sending={sending || !current}
              failure={refusal}
              onPublish={order}
            />
          )}
        </PictureSource.Provider>
      )}
    </Page>
  );
}

/** One publishing, while it goes on and at its end. */
function Course({
  publishing,
  title,
  version,
  failure,
  disabled,
  onFix,
  onAccept,
  onNewest,
  onCancel,
  onLeave
}: {
  publishing: PublishingStatus;
  /** The target's. */
  title: string;
  version: Version | undefined;
  failure: RequestFailed | null;
  disabled: boolean;
  onFix: (request: string) => void;
  onAccept: (reasons: Readonly<Record<string, string>>) => void;
  /** The app changed since: publish that version in this one's place. */
  onNewest: (() => void) | null;
  onCancel: () => void;
  /** Back to where one publishes. */
  onLeave: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const id = React.useId();
  const heading = React.useRef<HTMLHeadingElement>(null);
  const [cancelling, setCancelling] = React.useState(false);
  const { state, target, name, number, url, note, message, hint, findings } = publishing;
  React.useEffect(() => heading.current?.focus(), [state]);
  React.useEffect(() => setCancelling(false), [state, failure]);
  const going = state === 'running' || state === 'waiting';
  return (
    <section className="jp-AppBuilder-course" aria-labelledby={id} data-target={target}>
      <h3 id={id} ref={heading} tabIndex={-1}>
        {state === 'done'
          ? number === null
            ? trans.__('“%1” is published', name)
            : trans.__('“%1” is published: release %2', name, number)
          : state === 'failed'
            ? trans.__('“%1” was not published', name)
            : state === 'stopped'
              ? trans.__('Publishing “%1” was cancelled', name)
              : state === 'waiting'
                ? trans.__('“%1” waits for your decision', name)
                : trans.__('Publishing “%1”…', name)}
      </h3>
      <p className="jp-AppBuilder-meta">
        <span>{title}</span>
        {version && <span className="jp-AppBuilder-ellipsis">{version.checkpoint.name || titleOf(version)}</span>}
        <code>{publishing.checkpoint.slice(0, 7)}</code>
      </p>
      {state === 'done' && <PublishedAddress url={url} />}
      {state === 'done' && note !== '' && <p className="jp-AppBuilder-hint">{note}</p>}
      {state === 'failed' && <Failure error={new RequestFailed({ message, hint })} />}
      {(state === 'failed' || state === 'stopped') && (
        <p className="jp-AppBuilder-hint">{trans.__('What was published before stays as it is.')}</p>
      )}
      <Steps publishing={publishing} target={title} />
      {onNewest && (
        <div className="jp-AppBuilder-notice" role="status">
          <Icon name="pencil" />
          <div>
            <p>{trans.__('The app has a newer version than this one.')}</p>
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-primary"
              disabled={disabled}
              onClick={onNewest}
            >
              {trans.__('Publish the newest instead')}
            </button>
          </div>
        </div>
      )}
      {state === 'waiting' && <Findings findings={findings} disabled={disabled} onFix={onFix} onAccept={onAccept} />}
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-actions">
        {going ? (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-stop"
            disabled={cancelling || disabled}
            onClick={() => {
              setCancelling(true);
              onCancel();
            }}
          >
            <Icon name="stop" />
            {cancelling ? trans.__('Cancelling…') : trans.__('Cancel publishing')}
          </button>
        ) : (
          <button type="button" className="jp-AppBuilder-button" onClick={onLeave}>
            {state === 'done' ? trans.__('Dismiss') : trans.__('Try again')}
          </button>
        )}
      </div>
    </section>
  );
}

/** What a publication is asked; where it cannot be, that is what is answered. */
function asksOf(transport: Transport, trans: Translation): PublicationAsks {
  const nowhere = (): Promise<never> =>
    Promise.reject(new RequestFailed({ message: trans.__('Apps cannot be published from here.') }));
  const { rollBack = nowhere, unpublish = nowhere, visits = nowhere, takeRelease = nowhere } = transport;
  const { readers = nowhere, setReaders = nowhere } = transport;
  return { rollBack, unpublish, visits, takeRelease, readers, setReaders };
}

/** Publishings whose end the person has seen, and left. */
const LEFT = new Set<string>();

/** The end of a publishing is shown to who saw it go on here; one that failed to whoever comes, until it was left. */
function useEnd(publishing: PublishingStatus | null, going: boolean): { shown: boolean; leave: () => void } {
  const seen = React.useRef('');
  const [, left] = React.useReducer((count: number) => count + 1, 0);
  const id = publishing?.publish ?? '';
  if (going) {
    seen.current = id;
  }
  const shown = id !== '' && !going && !LEFT.has(id) && (seen.current === id || publishing?.state === 'failed');
  return {
    shown,
    leave: () => {
      LEFT.add(id);
      left();
    }
  };
}

/** What was ordered last in a session, without secrets: they were sent, and are held no longer. */
const ORDERED = new Map<string, PublishOrder>();

function withoutSecrets(order: PublishOrder, { targets }: PublishingOverview): PublishOrder {
  const settings = targets.find(({ name }) => name === order.target)?.settings ?? [];
  const secret = new Set(settings.filter(one => one.secret).map(one => one.name));
  return {
    ...order,
    settings: Object.fromEntries(Object.entries(order.settings).filter(([name]) => !secret.has(name)))
  };
}

interface Told {
  told: PublishingOverview | null;
  /** It knows the newest version; until it does, an older one would be published. */
  current: boolean;
  failure: RequestFailed | null;
  refresh: () => void;
}

/** What is told of publishing, read again whenever one begins or ends, or something is published elsewhere. */
function usePublishing({ transport }: SessionStore, view: SessionView): Told {
  const trans = useTranslation();
  const [told, setTold] = React.useState<{ found: PublishingOverview; known: string } | null>(null);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [again, setAgain] = React.useState(0);
  const { publishing, session, checkpoints } = view;
  const known = JSON.stringify([
    publishing?.publish,
    publishing?.state,
    session?.published,
    session?.trouble,
    checkpoints.length
  ]);
  React.useEffect(() => {
    let wanted = true;
    const { publishing } = transport;
    if (!publishing) {
      setFailure(new RequestFailed({ message: trans.__('Apps cannot be published from here.') }));
      return;
    }
    publishing().then(
      found => {
        if (wanted) {
          setTold({ found, known });
          setFailure(null);
        }
      },
      (error: unknown) => wanted && setFailure(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [transport, known, again, trans]);
  const refresh = React.useCallback(() => setAgain(count => count + 1), []);
  return { told: told?.found ?? null, current: told?.known === known, failure, refresh };
}

function blockedBecause({ session, caughtUp }: SessionView, connection: Connection, trans: Translation): string {
  if (connection.state === 'waiting' || connection.state === 'closed') {
    return trans.__('The server cannot be reached now. What it was doing goes on there.');
  }
  if (!caughtUp || !session) {
    return trans.__('Loading…');
  }
  return session.owned ? '' : trans.__('Another Jupyter server or kernel is working on this app. Publish it there.');
}

/** The draft is not what readers get. */
function changedSince(publication: Publication, view: SessionView): boolean {
  const live = liveRelease(publication)?.checkpoint;
  const published = view.checkpoints.find(({ checkpoint }) => checkpoint === live);
  // Two versions can have the same files; of files that were changed by hand nobody knows the tree.
  return published !== undefined && published.tree !== view.tree && currentCheckpoint(view) !== live;
}

/** The versions to choose from. */
function choices(
  versions: readonly Version[],
  { checkpoint: usual, checked }: PublishingOverview,
  trans: Translation
): Choice[] {
  return versions.map((version, at) => {
    const { checkpoint, check, scenarios } = version;
    const label = `${versions.length - at} ${(checkpoint.name || titleOf(version)).slice(0, SHOWN)}`;
    const passed = checked.includes(checkpoint.checkpoint);
    const told = [
      ...(check ? [check.summary] : passed ? [trans.__('Its checks passed')] : []),
      ...(scenarios ? [trans.__('%1 of %2 scenarios work', scenarios.work, scenarios.tried)] : [])
    ];
    return {
      checkpoint: checkpoint.checkpoint,
      label: passed && checkpoint.checkpoint === usual ? trans.__('%1 — the newest whose checks passed', label) : label,
      checked: told.join(' · '),
      ok: (check?.ok ?? true) && (!scenarios || scenarios.work === scenarios.tried)
    };
  });
}

export const publish: PanelPage = {
  title: trans => trans.__('Publish'),
  command: trans => trans.__('Publish the App…'),
  icon: 'upload',
  ofSession: true,
  beside: true,
  Body: ({ model }) => {
    const { store, page, session } = React.useSyncExternalStore(model.subscribe, model.get);
    return store && session !== null ? (
      <PublishPage
        store={store}
        wanted={page?.publication ?? null}
        onFix={request => model.compose(session, request)}
        onClose={() => model.leave()}
      />
    ) : (
      <NoApp onClose={() => model.leave()} />
    );
  }
};

function NoApp({ onClose }: { onClose: () => void }): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  return (
    <Page title={trans.__('Publish')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-note">{trans.__('Open an app to publish it.')}</p>
    </Page>
  );
}
