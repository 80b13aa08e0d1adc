/** An app's versions: how each looked, who asked for it, what it changed, what was found; and the way back. */

import * as React from 'react';
import { Ago } from '../controls/Ago';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { TitleField } from '../controls/TitleField';
import { useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { Pictures, PictureSource, type KeptPicture } from '../feed/Pictures';
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

/** The versions, the newest first. */
export function versionsOf(view: SessionView): Version[] {
  const turns = new Map<string, Turn>();
  for (const entry of view.entries) {
    if (entry.kind === 'turn') {
      turns.set(entry.turn, entry);
    }
  }
  return view.checkpoints
    .map(checkpoint => {
      const turn = turns.get(checkpoint.turn ?? '') ?? null;
      const calls = (turn?.items.filter(item => item.kind === 'tool') ?? []) as ToolItem[];
      const results = calls.flatMap(({ tool, result }) => (result ? [{ tool, result }] : [])).reverse();
      const check = results.find(({ tool }) => CHECKS.has(tool))?.result;
      const outcomes = results.map(({ result }) => outcomesIn(result.detail)).find(tried => tried !== null);
      const shot = results.find(({ tool, result }) => tool !== 'take_notebook' && (result.pictures ?? []).length > 0);
      const [picture] = [...(shot?.result.pictures ?? [])].sort((a, b) => b.width - a.width);
      return {
        checkpoint,
        turn,
        picture: picture ?? null,
        check: check ? { ok: check.ok, summary: check.summary } : null,
        scenarios: outcomes ? { tried: outcomes.length, work: outcomes.filter(one => one.ok).length } : null
      };
    })
    .reverse();
}

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
  const versions = React.useMemo(() => versionsOf(view), [view]);
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
      {versions.length > 1 && <Comparison versions={sides} transport={transport} chosen={chosen} />}
      <PictureSource.Provider value={transport.picture}>
        <ol className="jp-AppBuilder-versions" reversed>
          {versions.map(version => (
            <li key={version.checkpoint.checkpoint} className="jp-AppBuilder-version">
              <VersionName
                version={version}
                onName={
                  owned ? name => actions.attempt(transport.nameVersion(version.checkpoint.checkpoint, name)) : null
                }
              />
              <div className="jp-AppBuilder-meta">
                <Ago at={version.checkpoint.at} />
                <code>{version.checkpoint.checkpoint.slice(0, 7)}</code>
                {version.check && (
                  <span className="jp-AppBuilder-versionCheck">
                    <Icon name={version.check.ok ? 'check' : 'alert'} />
                    {version.check.summary}
                  </span>
                )}
                {version.scenarios && (
                  <span>{trans.__('%1 of %2 scenarios work', version.scenarios.work, version.scenarios.tried)}</span>
                )}
              </div>
              {version.picture && <Pictures pictures={[version.picture]} />}
              <CheckpointRow
                checkpoint={version.checkpoint}
                current={version.checkpoint.checkpoint === current}
                actions={actions}
              />
            </li>
          ))}
        </ol>
      </PictureSource.Provider>
    </Page>
  );
}

/** What a version is called, which the person can change, and what it was made for. */
function VersionName({
  version,
  onName
}: {
  version: Version;
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
      <h3>{name || titleOf(version)}</h3>
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

function titleOf({ checkpoint, turn }: Version): string {
  return turn?.request.split('\n')[0]?.slice(0, 200) || checkpoint.title;
}

export const versions: PanelPage = {
  title: trans => trans.__('Versions'),
  icon: 'clock',
  ofSession: true,
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
