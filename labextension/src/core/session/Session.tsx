import * as React from 'react';
import { usageDetail, usageLabel } from '../controls/format';
import type { SessionStore } from '../view/store';
import type { Connection, ModelChoice, SandboxChoice, ShownAs, TemplateChoice, Transport } from '../wire/transport';
import { withComposed, type Composed } from '../panel';
import type { Mode } from '../wire/events';
import { isBusy, isTrying, lastTurn, shownState, type SessionView } from '../view/view';
import { RequestFailed, type Summary } from '../wire/wire';
import { BudgetNotice, useSessionUsage } from '../pages/Budgets';
import { Announcer } from './Announcer';
import { Chat } from './Chat';
import { asMarkdown } from './transcript';
import { People } from '../feed/ByWhom';
import { Folded } from '../feed/Turn';
import { letGo, namesOf, type Attachments, type AttachmentsState } from './attachments';
import { Composer } from './Composer';
import { MOST_QUEUED, type Queue, type Queued } from './queue';
import { QueueList } from './QueueList';
import { RequestChips } from './RequestChips';
import { useSessionSuggestions } from './sessionSuggestions';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { ModelChooser } from './ModelChooser';
import { ModeChooser, modeTitle } from './ModeChooser';
import { MenuButton, type MenuEntry } from '../controls/Menu';
import { PublishedChip } from '../publishing/PublishedChip';
import { PointedChips } from './PointedChips';
import { claimOf, chipsOf, type Chip } from './pointed';
import { Scenarios } from './Scenarios';
import { IsolationWarning, SandboxChip, SandboxSection } from './Sandbox';
import { useHost, useTranslation } from '../controls/surroundings';
import { Elapsed } from '../feed/ToolCard';
import { Failure } from '../controls/Failure';
import { saveFile, saveText } from '../controls/saving';
import { PictureSource } from '../feed/Pictures';
import type { TurnActions } from '../feed/actions';

export interface SessionProps {
  store: SessionStore;
  /** Back to the list; none where there is no list. */
  onBack?: () => void;
  models: readonly ModelChoice[];
  /** What apps start from. */
  templates?: readonly TemplateChoice[];
  sandboxes?: readonly SandboxChoice[];
  sendWithModifier?: boolean;
  /** What was being written here before, and who keeps what is. */
  draft?: string;
  onDraft?: (text: string) => void;
  /** The files that go with it; absent where none can be sent. */
  attachments?: Attachments;
  /** A text from elsewhere for the next request; each object is taken once. */
  composed?: Composed | null;
  /** What is asked once the running request has ended; absent where nothing waits. */
  queue?: Queue;
}

/** One session: its header, the conversation, and where the next request is written. */
export function SessionPane(props: SessionProps): React.ReactElement {
  const { store, onBack, models, templates = NO_TEMPLATES, sandboxes = NO_SANDBOXES, sendWithModifier } = props;
  const trans = useTranslation();
  const { view, connection } = React.useSyncExternalStore(store.subscribe, store.get);
  const { draft = '', onDraft, attachments, queue } = props;
  const [text, setText] = React.useState(draft);
  const composer = React.useRef<HTMLTextAreaElement>(null);
  React.useEffect(() => onDraft?.(text), [onDraft, text]);
  const compose = React.useCallback((request: string): void => {
    setText(written => withComposed(written, request));
    composer.current?.focus();
  }, []);
  const { composed = null } = props;
  React.useEffect(() => {
    if (composed && !TAKEN.has(composed)) {
      TAKEN.add(composed);
      compose(composed.text);
    }
  }, [composed, compose]);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [stopping, setStopping] = React.useState(false);
  const [chosenMode, setChosenMode] = React.useState<Mode | null>(null);
  const [sending, setSending] = React.useState(false);
  const [showsSandbox, setShowsSandbox] = React.useState(false);
  const sandboxId = React.useId();
  const [finding, setFinding] = React.useState(false);
  const [folded, setFolded] = React.useState(false);
  const { session } = view;
  const { transport } = store;
  const { pages } = useHost();
  const along = chipsOf(session?.id ?? '');
  const chips = React.useSyncExternalStore(along.subscribe, along.get);
  const owned = session?.owned ?? true;
  const busy = isBusy(view);

  // The last request's, until another is chosen: so it is remembered by the log.
  const last = lastTurn(view);
  const mode = session?.recorded ? 'build' : busy ? (last?.mode ?? 'build') : (chosenMode ?? last?.mode ?? 'build');
  React.useEffect(() => setChosenMode(null), [last?.key]);

  React.useEffect(() => {
    if (!busy) {
      setStopping(false);
    }
  }, [busy]);

  // What could not be done for its sake can be done now.
  const troubled = Boolean(session?.trouble);
  React.useEffect(() => {
    if (!troubled) {
      setFailure(null);
    }
  }, [troubled]);

  const attempt = React.useCallback((request: Promise<unknown>): void => {
    setFailure(null);
    request.catch((error: unknown) => setFailure(RequestFailed.from(error)));
  }, []);

  const onUnsent = React.useRef<(request: string) => void>(() => undefined);
  React.useEffect(() => {
    onUnsent.current = request => setText(written => withComposed(request, written));
    return () => {
      onUnsent.current = request => onDraft?.(request); // for when they are back
    };
  }, [onDraft]);
  const send = React.useCallback(
    (
      request: string,
      inMode: Mode = 'build',
      files?: AttachmentsState,
      pointed: readonly Chip[] = along.take()
    ): void => {
      setFailure(null);
      setSending(true);
      const claims = pointed.map(claimOf);
      const names = files ? namesOf(files) : [];
      transport
        .send(request, undefined, inMode, names.length > 0 ? names : undefined, claims)
        .then(
          () => letGo(files),
          (error: unknown) => {
            setFailure(RequestFailed.from(error));
            along.putBack(pointed);
            onUnsent.current(request); // what was typed is not lost
            if (files) {
              attachments?.putBack(files);
            }
          }
        )
        .finally(() => setSending(false));
    },
    [transport, attachments, along]
  );

  const queued = React.useSyncExternalStore(queue?.subscribe ?? NEVER, queue?.get ?? NOTHING_QUEUED);
  const sendQueued = React.useCallback(
    (item: Queued): void => {
      if (!queue) {
        return;
      }
      const after = last?.turn ?? '';
      const { key, text: request, mode: inMode, files } = item;
      const names = files ? namesOf(files) : [];
      queue.tried = after;
      setFailure(null);
      setSending(true);
      queue.mark(key, after);
      const claims = item.pointed.map(claimOf);
      transport
        .send(request, undefined, inMode, names.length > 0 ? names : undefined, claims, after)
        .then(
          () => queue.remove(key),
          (error: unknown) => {
            const failed = RequestFailed.from(error);
            if (!ELSEWHERE.has(failed.reason)) {
              queue.mark(key, null);
              setFailure(failed);
            }
          }
        )
        .finally(() => setSending(false));
    },
    [queue, transport, last?.turn]
  );
  React.useEffect(() => {
    if (queue && view.caughtUp && queued.some(item => item.sent !== undefined)) {
      const turns = view.entries.flatMap(entry => (entry.kind === 'turn' ? [entry] : []));
      queue.settle(turn => {
        const at = turns.findIndex(one => one.turn === turn);
        return at < 0 ? null : (turns[at + 1]?.request ?? null);
      });
    }
  }, [queue, queued, view.caughtUp, view.entries]);
  // One request of the queue follows each that came to its end.
  const ended = view.caughtUp && !busy && !sending && last?.reason === 'done' ? last.turn : null;
  const next = queued[0];
  React.useEffect(() => {
    if (next && ended !== null && queue?.tried !== ended && connection.state === 'open' && owned) {
      sendQueued(next); // where another page did, or does, this one is refused
    }
  }, [queue, next, ended, connection.state, owned, sendQueued]);
  const past = React.useMemo(() => requestsOf(view), [view]);
  const suggest = useSessionSuggestions({
    transport,
    view,
    mode,
    setMode: setChosenMode,
    attempt,
    attachments: session?.recorded ? undefined : attachments,
    busy
  });

  const askForPlan = React.useCallback((): void => {
    setChosenMode('plan');
    composer.current?.focus();
  }, []);
  const actions = React.useMemo<TurnActions>(
    () => ({ transport, attempt, compose, askForPlan, busy, owned, hosts: view.hosts }),
    [transport, attempt, compose, askForPlan, busy, owned, view.hosts]
  );
  const changeText = transport.changeText && {
    of: async (key: number, wanted: string): Promise<void> => {
      const chip = chips.find(one => one.key === key);
      setFailure(null);
      try {
        await (chip && transport.changeText?.(chip.claim, wanted));
        along.remove(key); // the page shows another text now
        composer.current?.focus(); // the field that had the keyboard goes with it
      } catch (error) {
        setFailure(RequestFailed.from(error));
      }
    }
  };
  const host = useHost();
  const showing = useShowing(transport, session?.name ?? 'app', attempt);
  const changeStyle = (key: number): void => {
    along.style(key);
    host.showPreview?.();
  };
  const stop = (): void => {
    setStopping(true);
    transport.stop().catch((error: unknown) => {
      setStopping(false);
      setFailure(RequestFailed.from(error));
    });
  };
  const sandbox = sandboxes.find(choice => choice.name === session?.sandbox);
  const unmade = view.preview?.state === 'failed' && view.preview.cause === 'sandbox';
  const used = useSessionUsage(transport, view);
  const blocked = blockedReason(session, connection, trans);
  const fresh = view.caughtUp && view.entries.length === 0 && session?.state !== 'creating' && !session?.recorded;
  const starters = templates.find(choice => choice.name === session?.template)?.prompts ?? NO_TEXTS;
  const suggested = !busy && last?.reason === 'done' && !last.dropped ? last.suggestions : NO_TEXTS;
  return (
    <section className="jp-AppBuilder-session" aria-label={session?.title ?? trans.__('Session')}>
      <Header
        view={view}
        onBack={onBack}
        models={models}
        busy={busy}
        attempt={attempt}
        onSandbox={() => setShowsSandbox(true)}
        onShow={transport.show && !showing.cancel ? showing.save : undefined}
        transcript={
          view.entries.length === 0
            ? []
            : transcriptEntries(view, trans, folded, setFolded, setFinding, attempt, transport)
        }
        chip={
          session && (
            <SandboxChip
              name={session.sandbox}
              sandbox={sandbox}
              hosts={view.hosts.size}
              open={showsSandbox}
              controls={sandboxId}
              onToggle={() => setShowsSandbox(!showsSandbox)}
            />
          )
        }
      />
      <IsolationWarning sandbox={sandbox} />
      {showsSandbox && session && (
        <SandboxSection
          id={sandboxId}
          name={session.sandbox}
          sandbox={sandbox}
          transport={transport}
          version={view.hosts.size}
          onClose={() => setShowsSandbox(false)}
        />
      )}
      <ConnectionBanner connection={connection} onRetry={() => transport.reconnect()} />
      {session?.trouble && <Failure error={new RequestFailed(session.trouble)} />}
      {unmade && (
        <Failure error={new RequestFailed({ message: trans.__('The app cannot run.'), hint: view.preview?.message })}>
          <button type="button" className="jp-AppBuilder-link" onClick={() => attempt(transport.preview('restart'))}>
            {trans.__('Try again')}
          </button>
        </Failure>
      )}
      {!view.caughtUp && view.entries.length === 0 ? (
        <Opening connection={connection} />
      ) : (
        <PictureSource.Provider value={transport.picture}>
          <Folded.Provider value={folded}>
            <People.Provider value={view.people}>
              <Chat view={view} actions={actions} finding={finding} onFinding={setFinding}>
                {view.entries.length === 0 && view.progress.length === 0 && (
                  <p className="jp-AppBuilder-empty">
                    {session?.state === 'creating'
                      ? trans.__('Setting up the workspace…')
                      : trans.__('The app starts as its template. Say what it should become.')}
                  </p>
                )}
                {view.progress
                  .filter(({ what }) => what !== SHOWING)
                  .map(progress => (
                    <Progress key={progress.what} message={progress.message} fraction={progress.fraction} />
                  ))}
                {view.failure && view.entries.length === 0 && <Failure error={new RequestFailed(view.failure)} />}
              </Chat>
            </People.Provider>
          </Folded.Provider>
        </PictureSource.Provider>
      )}
      <div className="jp-AppBuilder-footer">
        {view.progress
          .filter(({ what }) => what === SHOWING)
          .map(({ what, message, fraction }) => (
            // Below the conversation, so that it is in view wherever that is scrolled to.
            <Progress key={what} message={message} fraction={fraction} onCancel={showing.cancel ?? undefined} />
          ))}
        {failure && (
          <Failure error={failure}>
            <button type="button" className="jp-AppBuilder-link" onClick={() => setFailure(null)}>
              {trans.__('Dismiss')}
            </button>
          </Failure>
        )}
        {session?.recorded && !busy && !models.some(choice => !choice.recorded) && pages?.models && (
          <p className="jp-AppBuilder-note">
            {trans.__('The demo only plays its own requests.')}{' '}
            <button type="button" className="jp-AppBuilder-link" onClick={pages.models.run}>
              {trans.__('Set up a model for yours')}
            </button>
          </p>
        )}
        <Scenarios scenarios={view.scenarios} running={isTrying(view)} actions={actions} />
        <BudgetNotice usage={used} />
        {queue && (
          <QueueList
            queue={queue}
            held={!busy && !sending && (last?.reason !== 'done' || queue.tried === last.turn)}
            onSend={sendQueued}
            onEdit={({ key }) => {
              const item = queue.take(key);
              if (!item) {
                return; // another page was quicker
              }
              setText(current => [current.trim(), item.text].filter(part => part !== '').join('\n\n'));
              if (item.files) {
                attachments?.putBack(item.files);
              }
              along.putBack(item.pointed);
              composer.current?.focus();
            }}
          />
        )}
        {queued.length === 0 && !sending && (
          <RequestChips
            label={fresh ? trans.__('For example') : trans.__('Next, perhaps')}
            requests={fresh ? starters : suggested}
            text={text}
            setText={setText}
            box={composer}
          />
        )}
        <Composer
          ref={composer}
          label={trans.__('Your request')}
          placeholder={
            busy && !session?.recorded
              ? trans.__('Add something while the agent works…')
              : placeholder(view, mode, trans)
          }
          text={text}
          setText={setText}
          onSend={request => {
            setText('');
            send(request, mode, attachments?.take());
          }}
          sendLabel={busy || mode === 'build' ? undefined : modeTitle(mode, trans)}
          onStop={busy ? stop : undefined}
          listens={session?.recorded === false}
          stopping={stopping}
          blocked={blocked || (sending ? trans.__('Sending…') : '')}
          sendWithModifier={sendWithModifier}
          attachments={session?.recorded ? undefined : attachments}
          screenshots={
            session && transport.screenshot ? { session: session.id, take: transport.screenshot } : undefined
          }
          model={models.find(choice => choice.id === session?.model)}
          along={
            <PointedChips
              chips={chips}
              onRemove={along.remove}
              onText={busy ? undefined : changeText?.of}
              onStyle={transport.changeStyle && changeStyle}
            />
          }
          past={past}
          suggest={suggest}
          onQueue={
            queue && busy && !session?.recorded && !blocked && queued.length < MOST_QUEUED
              ? request => {
                  setText('');
                  queue.add(request, mode, attachments?.take(), along.take());
                }
              : undefined
          }
        >
          <ModeChooser
            modes={MODES}
            mode={mode}
            onChoose={setChosenMode}
            disabled={
              session?.recorded
                ? trans.__('The recorded demo has only the build mode.')
                : busy
                  ? trans.__('This is added to the running request.')
                  : ''
            }
          />
          <ModelPicker session={session} models={models} busy={busy} attempt={attempt} />
        </Composer>
      </div>
      <Announcer view={view} />
    </section>
  );
}

function transcriptEntries(
  view: SessionView,
  trans: ReturnType<typeof useTranslation>,
  folded: boolean,
  fold: (folded: boolean) => void,
  find: (finding: boolean) => void,
  attempt: (request: Promise<unknown>) => void,
  transport: Transport
): MenuEntry[] {
  const name = view.session?.name ?? 'conversation';
  return [
    { label: trans.__('Find in the conversation'), icon: 'search', run: () => find(true) },
    {
      label: folded ? trans.__('Unfold the requests') : trans.__('Fold the requests'),
      icon: 'list',
      run: () => fold(!folded)
    },
    {
      label: trans.__('Copy as Markdown'),
      icon: 'copy',
      run: () => attempt(navigator.clipboard.writeText(asMarkdown(view, trans)))
    },
    {
      label: trans.__('Save as HTML'),
      icon: 'download',
      run: () => attempt(transport.transcript().then(page => saveText(page, `${name}.html`, 'text/html')))
    }
  ];
}

/** Pictures of the app for a message. They take their time, and can be given up. */
function useShowing(
  transport: Transport,
  name: string,
  attempt: (request: Promise<unknown>) => void
): { save: (format: ShownAs) => void; cancel: (() => void) | null } {
  const [running, setRunning] = React.useState<AbortController | null>(null);
  const save = (format: ShownAs): void => {
    if (!transport.show || running) {
      return;
    }
    const given = new AbortController();
    setRunning(given);
    attempt(
      transport
        .show(format, given.signal)
        .then(picture => saveFile(picture, `${name}.${format}`))
        .catch((error: unknown) => {
          if (!given.signal.aborted) {
            throw error;
          }
        })
        .finally(() => setRunning(null))
    );
  };
  return { save, cancel: running && (() => running.abort()) };
}

/** Texts from elsewhere that stand in a request, or stood there when it was sent: this pane comes and goes. */
const TAKEN = new WeakSet<Composed>();
/** What a picture's way is told as. */
const SHOWING = 'showing';
const NEVER = (): (() => void) => () => undefined;
/** Why a request of the queue is not taken where another page has sent it, or the next. */
const ELSEWHERE: ReadonlySet<string> = new Set(['another_turn', 'session_busy']);
const NO_REQUESTS: readonly Queued[] = [];
const NOTHING_QUEUED = (): readonly Queued[] => NO_REQUESTS;
const NO_SANDBOXES: readonly SandboxChoice[] = [];
const NO_TEMPLATES: readonly TemplateChoice[] = [];
const NO_TEXTS: readonly string[] = [];
/** Requests that ↑ goes back to. */
const PAST = 200;
const MODES: readonly Mode[] = ['build', 'plan', 'ask'];

/** What the person asked in this app last, the latest last, each once. Called in every frame: it looks no further back. */
function requestsOf({ entries }: SessionView): string[] {
  const said = new Set<string>();
  for (let at = entries.length - 1; at >= 0 && said.size < PAST; at--) {
    const entry = entries[at];
    if (entry?.kind === 'turn') {
      const added = entry.items.flatMap(item => (item.kind === 'request' ? [item.text] : []));
      [entry.request, ...added].reverse().forEach(request => said.add(request));
    }
  }
  said.delete('');
  return [...said].slice(0, PAST).reverse();
}

function placeholder(view: SessionView, mode: Mode, trans: ReturnType<typeof useTranslation>): string {
  if (mode === 'ask') {
    return trans.__('Ask about the app…');
  }
  if (mode === 'plan') {
    const planned = lastTurn(view)?.items.some(item => item.kind === 'plan' && !item.accepted) ?? false;
    return planned ? trans.__('What should be different in the plan?') : trans.__('What should be planned?');
  }
  return view.entries.length === 0 ? trans.__('Describe the app you want…') : trans.__('Ask for a change…');
}

function blockedReason(
  session: Summary | null,
  connection: Connection,
  trans: ReturnType<typeof useTranslation>
): string {
  if (session && !session.owned) {
    return trans.__('Another Jupyter server or kernel is working on this session. Close it there to continue here.');
  }
  if (session?.state === 'ended') {
    return trans.__('This session has ended.');
  }
  if (connection.state === 'closed') {
    return trans.__('This session cannot be reached.');
  }
  return '';
}

function Header({
  view,
  onBack,
  models,
  busy,
  attempt,
  onSandbox,
  onShow,
  transcript,
  chip
}: {
  view: SessionView;
  onBack?: (() => void) | undefined;
  models: readonly ModelChoice[];
  busy: boolean;
  attempt: (request: Promise<unknown>) => void;
  onSandbox: () => void;
  /** Save a picture of the app. */
  onShow?: ((format: ShownAs) => void) | undefined;
  /** What can be done with the conversation. */
  transcript: readonly MenuEntry[];
  /** Where the session runs. */
  chip: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const host = useHost();
  const { session } = view;
  const [editing, setEditing] = React.useState(false);
  const entries: MenuEntry[] = [];
  const add = (run: (() => void) | undefined, label: string, icon: MenuEntry['icon'], danger = false): void => {
    if (run) {
      entries.push({ run, label, icon, danger });
    }
  };
  add(host.showPreview, trans.__('Open preview'), 'page');
  add(host.pages?.publish?.run, trans.__('Publish'), 'upload');
  add(host.openNotebook, trans.__('Open notebook'), 'notebook');
  add(host.openFolder, trans.__('Show files'), 'folder');
  add(host.exportZip, trans.__('Download as ZIP'), 'download');
  add(onShow && (() => onShow('png')), trans.__('Save a picture of the app'), 'download');
  add(onShow && (() => onShow('webp')), trans.__('Save an animation of the app'), 'download');
  add(session ? onSandbox : undefined, trans.__('Sandbox and network'), 'globe');
  add(host.rename && (() => setEditing(true)), trans.__('Rename'), 'pencil');
  const others = Object.values(host.pages ?? {}).filter(page => !page.inSettings && page !== host.pages?.publish);
  entries.push(...others, ...transcript);
  add(host.remove, trans.__('Delete…'), 'trash', true);
  const usage = usageLabel(view.usage, trans);
  const recorded = session?.recorded ?? false;
  const model = models.find(choice => choice.id === session?.model)?.title ?? session?.model;
  return (
    <header className="jp-AppBuilder-header">
      <div className="jp-AppBuilder-headerRow">
        {onBack && <IconButton icon="back" label={trans.__('All apps')} onClick={onBack} />}
        {editing && session && host.rename ? (
          <TitleEditor
            title={session.title}
            onDone={title => {
              setEditing(false);
              if (title && title !== session.title && host.rename) {
                attempt(host.rename(title));
              }
            }}
          />
        ) : (
          <h2 title={session?.title} onDoubleClick={() => host.rename && setEditing(true)}>
            {session?.title ?? trans.__('Opening…')}
          </h2>
        )}
        {host.newApp && <IconButton icon="plus" label={trans.__('New app')} onClick={host.newApp} />}
        {host.showPreview && <IconButton icon="page" label={trans.__('Show the preview')} onClick={host.showPreview} />}
        {entries.length > 0 && <MenuButton label={trans.__('More actions')} entries={entries} />}
      </div>
      <div className="jp-AppBuilder-meta">
        {session && (
          <StateBadge
            state={view.questions.length > 0 ? 'waiting' : busy ? 'busy' : (shownState(view) ?? session.state)}
          />
        )}
        {chip}
        <PublishedChip view={view} attempt={attempt} />
        {recorded && (
          <span
            className="jp-AppBuilder-tag jp-mod-recorded"
            title={trans.__('This model plays recorded answers. Everything else (tools, sandbox, preview) is real.')}
          >
            {trans.__('Recorded demo')}
          </span>
        )}
        {!recorded && model && <span className="jp-AppBuilder-ellipsis">{model}</span>}
        {usage &&
          (host.pages?.usage ? (
            <button
              type="button"
              className="jp-AppBuilder-link"
              title={usageDetail(view.usage, trans)}
              aria-label={trans.__('Usage: %1', usage)}
              onClick={host.pages.usage.run}
            >
              {usage}
            </button>
          ) : (
            <span title={usageDetail(view.usage, trans)}>{usage}</span>
          ))}
      </div>
    </header>
  );
}

function TitleEditor({ title, onDone }: { title: string; onDone: (title: string) => void }): React.ReactElement {
  const trans = useTranslation();
  const [text, setText] = React.useState(title);
  const input = React.useRef<HTMLInputElement>(null);
  const done = React.useRef(false);
  React.useEffect(() => input.current?.select(), []);
  const finish = (value: string): void => {
    if (!done.current) {
      done.current = true;
      onDone(value.trim());
    }
  };
  return (
    <input
      ref={input}
      className="jp-AppBuilder-titleInput"
      value={text}
      aria-label={trans.__('Title')}
      maxLength={200}
      onChange={event => setText(event.target.value)}
      onBlur={() => finish(text)}
      onKeyDown={event => {
        if (event.key === 'Enter') {
          finish(text);
        } else if (event.key === 'Escape') {
          finish('');
        } else {
          return;
        }
        event.stopPropagation();
      }}
    />
  );
}

export type ShownState = Summary['state'] | 'stopped' | 'starting';

export function StateBadge({ state }: { state: ShownState }): React.ReactElement {
  const trans = useTranslation();
  const names: Record<ShownState, string> = {
    creating: trans.__('Setting up'),
    ready: trans.__('Ready'),
    busy: trans.__('Building'),
    waiting: trans.__('Waiting for you'),
    stopped: trans.__('Not running'),
    starting: trans.__('Starting'),
    asleep: trans.__('Asleep'),
    failed: trans.__('Failed'),
    ended: trans.__('Ended')
  };
  return (
    <span className={`jp-AppBuilder-state jp-mod-${state}`}>
      <span className="jp-AppBuilder-dot" aria-hidden="true" />
      {names[state]}
    </span>
  );
}

function ModelPicker({
  session,
  models,
  busy,
  attempt
}: {
  session: Summary | null;
  models: readonly ModelChoice[];
  busy: boolean;
  attempt: (request: Promise<unknown>) => void;
}): React.ReactElement | null {
  const trans = useTranslation();
  const { setModel } = useHost();
  if (!session || !setModel) {
    return null;
  }
  return (
    <ModelChooser
      up
      label={trans.__('Model')}
      title={busy ? trans.__('The model of the next request') : session.model}
      models={models}
      chosen={session.model}
      onChoose={id => attempt(setModel(id))}
    />
  );
}

function ConnectionBanner({
  connection,
  onRetry
}: {
  connection: Connection;
  onRetry: () => void;
}): React.ReactElement | null {
  const trans = useTranslation();
  const [now, setNow] = React.useState(Date.now);
  const waiting = connection.state === 'waiting';
  React.useEffect(() => {
    setNow(Date.now());
    const timer = waiting ? setInterval(() => setNow(Date.now()), 500) : undefined;
    return () => clearInterval(timer);
  }, [waiting, connection]);
  if (connection.state === 'closed') {
    return <Failure error={new RequestFailed(connection)} />;
  }
  if (connection.state !== 'waiting') {
    return null;
  }
  const seconds = Math.max(0, Math.ceil((connection.retryAt - now) / 1000));
  return (
    <div className="jp-AppBuilder-banner" role="status">
      <Icon name="alert" />
      <span>
        {trans.__('Connection lost.')}{' '}
        <span aria-hidden="true">
          {seconds > 0 ? trans.__('Trying again in %1 s.', seconds) : trans.__('Trying again…')}
        </span>
      </span>
      <button type="button" className="jp-AppBuilder-link" onClick={onRetry}>
        {trans.__('Try now')}
      </button>
    </div>
  );
}

function Opening({ connection }: { connection: Connection }): React.ReactElement {
  const trans = useTranslation();
  return (
    <div className="jp-AppBuilder-opening" role="status">
      {connection.state !== 'closed' && (
        <>
          <Spinner /> {trans.__('Opening the session…')}
        </>
      )}
    </div>
  );
}

/** Long work, with how long it has taken: a bar that stands still for a while is not taken for a stuck one. */
export function Progress({
  message,
  fraction,
  onCancel
}: {
  message: string;
  fraction: number | null;
  onCancel?: (() => void) | undefined;
}): React.ReactElement {
  const trans = useTranslation();
  const [since] = React.useState(() => new Date().toISOString());
  return (
    <div className="jp-AppBuilder-progress">
      <span>
        {message} <Elapsed since={since} />{' '}
        {onCancel && (
          <button type="button" className="jp-AppBuilder-link" onClick={onCancel}>
            {trans.__('Cancel')}
          </button>
        )}
      </span>
      <progress aria-label={message} max={1} value={fraction ?? undefined} />
    </div>
  );
}
