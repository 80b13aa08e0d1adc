/** An app's versions: how each looked, who asked for it, what it changed, what was found; and the way back. */

import * as React from 'react';
import { useAddress } from '../controls/address';
import { Ago } from '../controls/Ago';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { TitleField } from '../controls/TitleField';
import { useHost, useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { PictureSource, type KeptPicture } from '../feed/Pictures';
import { CheckpointRow } from '../feed/Turn';
import type { ComparedVersions } from '../panel';
import type { SessionStore } from '../view/store';
import { outcomesIn } from '../view/scenarios';
import { currentCheckpoint, isBusy, type Checkpoint, type SessionView, type ToolItem, type Turn } from '../view/view';
import { RequestFailed } from '../wire/wire';
import type { Side } from './BeforeAfter';
import { Comparison } from './Comparison';
import { Page, type PanelPage } from './Page';

/** Characters of a version's name (`session/versions.py`). */
const LONGEST_NAME = 80;

/** So many versions are drawn at first, and so many more each time. */
const DRAWN = 60;

/** Tools whose results say whether the app works. */
const CHECKS: ReadonlySet<string> = new Set(['check_app', 'try_scenarios']);

/** One version and what the log tells of it. */
export interface Version {
  checkpoint: Checkpoint;
  turn: Turn | null;
  picture: KeptPicture | null;
  /** The last check of its turn. */
  check: { ok: boolean; summary: string } | null;
  scenarios: { tried: number; work: number } | null;
}

/** What was told of versions: asked again with everything that streams, and few change. */
const told = new WeakMap<Checkpoint, Version>();

/** The versions, the newest first. Those that did not change keep their identity. */
export function versionsOf(view: Pick<SessionView, 'entries' | 'checkpoints'>): Version[] {
  const turns = new Map<string, Turn>();
  for (const entry of view.entries) {
    if (entry.kind === 'turn') {
      turns.set(entry.turn, entry);
    }
  }
  return view.checkpoints
    .map(checkpoint => {
      const turn = turns.get(checkpoint.turn ?? '') ?? null;
      const known = told.get(checkpoint);
      if (known && known.turn === turn) {
        return known;
      }
      const calls = (turn?.items.filter(item => item.kind === 'tool') ?? []) as ToolItem[];
      const results = calls.flatMap(({ tool, result }) => (result ? [{ tool, result }] : [])).reverse();
      const check = results.find(({ tool }) => CHECKS.has(tool))?.result;
      const outcomes = results.map(({ result }) => outcomesIn(result.detail)).find(tried => tried !== null);
      const shot = results.find(({ tool, result }) => tool !== 'take_notebook' && (result.pictures ?? []).length > 0);
      const [picture] = [...(shot?.result.pictures ?? [])].sort((a, b) => b.width - a.width);
      const version = {
        checkpoint,
        turn,
        picture: picture ?? null,
        check: check ? { ok: check.ok, summary: check.summary } : null,
        scenarios: outcomes ? { tried: outcomes.length, work: outcomes.filter(one => one.ok).length } : null
      };
      told.set(checkpoint, version);
      return version;
    })
    .reverse();
}

/** Drawn anew when versions change, not with all that streams: it names each of them twice. */
const Compared = React.memo(Comparison);

function Timeline({
  store,
  chosen,
  onClose
}: {
  store: SessionStore;
  /** Two that are to be compared. */
  chosen: ComparedVersions | null;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  const { view } = React.useSyncExternalStore(store.subscribe, store.get);
  const { transport } = store;
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const { entries, checkpoints } = view;
  const versions = React.useMemo(() => versionsOf({ entries, checkpoints }), [entries, checkpoints]);
  const [drawn, setDrawn] = React.useState(DRAWN);
  const more = useCallbackInView(() => setDrawn(known => known + DRAWN));
  const move = useMoving();
  const current = currentCheckpoint(view);
  const sides = React.useMemo(() => {
    return versions.map((version): Side => ({
      checkpoint: version.checkpoint,
      title: version.checkpoint.name || titleOf(version),
      pictures: view.pictures.get(version.checkpoint.tree) ?? [],
      present: version.checkpoint.tree === view.tree
    }));
  }, [versions, view.tree, view.pictures]);
  const busy = isBusy(view);
  const owned = view.session?.owned ?? true;
  const actions = React.useMemo<TurnActions>(
    () => ({
      transport,
      attempt: request => {
        setFailure(null);
        request.catch((error: unknown) => setFailure(RequestFailed.from(error)));
      },
      compose: () => undefined,
      askForPlan: () => undefined,
      busy,
      owned,
      hosts: view.hosts
    }),
    [transport, busy, owned, view.hosts]
  );
  return (
    <Page title={trans.__('Versions')} heading={heading} onClose={onClose}>
      {failure && <Failure error={failure} />}
      {!view.caughtUp && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {versions.length > 1 && <Compared versions={sides} transport={transport} chosen={chosen} />}
      <PictureSource.Provider value={transport.picture}>
        <ol className="jp-AppBuilder-versions" reversed onKeyDown={move}>
          {versions.slice(0, drawn).map((version, at) => (
            <VersionRow
              key={version.checkpoint.checkpoint}
              version={version}
              number={versions.length - at}
              current={version.checkpoint.checkpoint === current}
              picture={pictureOf(version, view.pictures)}
              present={current ?? versions[0]?.checkpoint.checkpoint ?? ''}
              shown={view.version?.state !== 'stopped' && view.version?.checkpoint === version.checkpoint.checkpoint}
              first={at === 0}
              actions={actions}
            />
          ))}
        </ol>
      </PictureSource.Provider>
      {view.caughtUp && versions.length === 0 && (
        <p className="jp-AppBuilder-note">
          {trans.__('There is no version yet. Each request that changes files makes one.')}
        </p>
      )}
      {drawn < versions.length && (
        <button
          ref={more}
          type="button"
          className="jp-AppBuilder-button"
          onClick={() => setDrawn(known => known + DRAWN)}
        >
          {trans.__('Show older versions (%1)', versions.length - drawn)}
        </button>
      )}
    </Page>
  );
}

/** One version in the timeline. */
const VersionRow = React.memo(function VersionRow({
  version,
  number,
  current,
  picture,
  present,
  shown,
  first,
  actions
}: {
  version: Version;
  number: number;
  /** Its files are what the app is now. */
  current: boolean;
  picture: KeptPicture | null;
  /** The version to compare with. */
  present: string;
  /** It runs beside the app. */
  shown: boolean;
  /** Where the keyboard comes in. */
  first: boolean;
  actions: TurnActions;
}): React.ReactElement {
  const trans = useTranslation();
  const { showVersion, compareVersions } = useHost();
  const { checkpoint, check, scenarios } = version;
  const { transport, owned } = actions;
  const id = checkpoint.checkpoint;
  return (
    <li
      className={`jp-AppBuilder-version${current ? ' jp-mod-current' : ''}`}
      aria-current={current || undefined}
      tabIndex={first ? 0 : -1}
    >
      <div className="jp-AppBuilder-versionRow">
        <VersionThumbnail picture={picture} />
        <div className="jp-AppBuilder-versionText">
          <VersionName
            version={version}
            number={number}
            onName={owned ? name => actions.attempt(transport.nameVersion(id, name)) : null}
          />
          <div className="jp-AppBuilder-meta">
            <Ago at={checkpoint.at} />
            <code>{id.slice(0, 7)}</code>
            {check && (
              <span className="jp-AppBuilder-versionCheck">
                <Icon name={check.ok ? 'check' : 'alert'} />
                {check.summary}
              </span>
            )}
            {scenarios && (
              <span className="jp-AppBuilder-versionCheck">
                <Icon name={scenarios.work === scenarios.tried ? 'check' : 'alert'} />
                {trans.__('%1 of %2 scenarios work', scenarios.work, scenarios.tried)}
              </span>
            )}
          </div>
        </div>
      </div>
      <CheckpointRow checkpoint={checkpoint} current={current} actions={actions}>
        {!current && transport.showVersion && showVersion && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            aria-pressed={shown}
            title={trans.__('Run this version beside the app, read-only. The app stays as it is.')}
            onClick={() => showVersion({ checkpoint: id, number, title: checkpoint.name || titleOf(version) })}
          >
            <Icon name="eye" />
            {trans.__('Preview')}
          </button>
        )}
        {!current && present !== '' && present !== id && compareVersions && (
          <IconButton
            icon="diff"
            label={trans.__('Compare with the present version')}
            onClick={() => compareVersions(id, present)}
          />
        )}
      </CheckpointRow>
    </li>
  );
});

/** How a version looked, small; a place of the same size where nobody has looked. */
export function VersionThumbnail({ picture }: { picture: KeptPicture | null }): React.ReactElement {
  const place = React.useRef<HTMLSpanElement>(null);
  const address = useAddress(React.useContext(PictureSource), picture?.sha256 ?? '', place);
  return (
    <span ref={place} className="jp-AppBuilder-versionPicture" aria-hidden="true">
      {address ? <img src={address} alt="" decoding="async" draggable={false} /> : <Icon name="box" />}
    </span>
  );
}

/** The small picture of a version: of its files, else one that a tool took in its turn. */
export function pictureOf(version: Version, pictures: SessionView['pictures']): KeptPicture | null {
  const taken = pictures.get(version.checkpoint.tree) ?? [];
  const widest = [...taken].sort((a, b) => b.width - a.width)[0];
  return widest?.thumbnail ?? version.picture;
}

/** A ref: what is called whenever its element comes near. */
function useCallbackInView(seen: () => void): (element: HTMLElement | null) => void {
  const latest = React.useRef(seen);
  latest.current = seen;
  const observer = React.useRef<IntersectionObserver | null>(null);
  return React.useCallback(element => {
    observer.current?.disconnect();
    observer.current = null;
    if (element && 'IntersectionObserver' in window) {
      observer.current = new IntersectionObserver(
        entries => entries.some(entry => entry.isIntersecting) && latest.current(),
        { rootMargin: '600px' }
      );
      observer.current.observe(element);
    }
  }, []);
}

/** Arrow keys lead from version to version, Home and End to the newest and the oldest that is drawn. */
function useMoving(): (event: React.KeyboardEvent<HTMLOListElement>) => void {
  return React.useCallback(event => {
    const { target, currentTarget, key } = event;
    const rows = Array.from(currentTarget.children) as HTMLElement[];
    const at = rows.findIndex(row => row.contains(target as Node));
    const inText = (target as HTMLElement).matches('input, textarea, select');
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[key];
    const row = to === undefined ? undefined : rows[to];
    if (at < 0 || inText || !row || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    event.preventDefault();
    for (const other of rows) {
      other.tabIndex = other === row ? 0 : -1;
    }
    row.focus();
  }, []);
}

/** What a version is called, which the person can change, and what it was made for. */
function VersionName({
  version,
  number,
  onName
}: {
  version: Version;
  number: number;
  /** None where nothing can be changed. */
  onName: ((name: string) => void) | null;
}): React.ReactElement {
  const trans = useTranslation();
  const [naming, setNaming] = React.useState(false);
  const button = React.useRef<HTMLSpanElement>(null);
  const { name = '' } = version.checkpoint;
  if (naming) {
    return (
      <TitleField
        label={trans.__('Name of the version')}
        value={name}
        placeholder={titleOf(version).slice(0, LONGEST_NAME)}
        most={LONGEST_NAME}
        onDone={wanted => {
          setNaming(false);
          if (wanted !== name) {
            onName?.(wanted);
          }
          requestAnimationFrame(() => button.current?.querySelector('button')?.focus());
        }}
      />
    );
  }
  return (
    <div className="jp-AppBuilder-versionHead">
      <h3 title={name || titleOf(version)}>
        <span className="jp-AppBuilder-versionNumber">{number}</span> {name || titleOf(version)}
      </h3>
      {onName && (
        <span ref={button}>
          <IconButton
            icon="pencil"
            label={name ? trans.__('Rename the version “%1”', name) : trans.__('Name the version')}
            onClick={() => setNaming(true)}
          />
        </span>
      )}
      {name && <p className="jp-AppBuilder-meta">{titleOf(version)}</p>}
    </div>
  );
}

export function titleOf({ checkpoint, turn }: Version): string {
  return turn?.request.split('\n')[0]?.slice(0, 200) || checkpoint.title;
}

export const versions: PanelPage = {
  title: trans => trans.__('Versions'),
  icon: 'clock',
  ofSession: true,
  beside: true,
  Body: ({ model }) => {
    const { store, page } = React.useSyncExternalStore(model.subscribe, model.get);
    const chosen = page?.compared ?? null;
    return store ? (
      <Timeline store={store} chosen={chosen} onClose={() => model.leave()} />
    ) : (
      <NoApp onClose={() => model.leave()} />
    );
  }
};

/** An app was closed, or its page asked for without one. */
function NoApp({ onClose }: { onClose: () => void }): React.ReactElement {
  const trans = useTranslation();
  const heading = React.useRef<HTMLHeadingElement>(null);
  React.useEffect(() => heading.current?.focus(), []);
  return (
    <Page title={trans.__('Versions')} heading={heading} onClose={onClose}>
      <p className="jp-AppBuilder-note">{trans.__('Open an app to see its versions.')}</p>
    </Page>
  );
}
