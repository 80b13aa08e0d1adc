import * as React from 'react';
import type { Mode } from '../wire/events';
import type { Api, Demo, ModelChoice, Place, ProviderChoice, SandboxChoice, TemplateChoice } from '../wire/transport';
import type { Translation } from '../controls/translation';
import { RequestFailed, type Summary } from '../wire/wire';
import { Ago } from '../controls/Ago';
import { Composer } from '../session/Composer';
import { namesOf, type Attachments, type AttachmentsState } from '../session/attachments';
import { Icon, Spinner } from '../controls/Icon';
import { ModelChooser } from '../session/ModelChooser';
import { RequestChips } from '../session/RequestChips';
import { ModeChooser, modeTitle } from '../session/ModeChooser';
import { MenuButton, type MenuEntry } from '../controls/Menu';
import { IsolationWarning, sandboxTitle } from '../session/Sandbox';
import { StateBadge, type ShownState } from '../session/Session';
import { useHost, useTranslation } from '../controls/surroundings';
import { PublishedTag } from '../publishing/PublishedChip';
import { TemplateIcon, TemplatePicker } from './TemplatePicker';
import { Failure } from '../controls/Failure';
import { Groundwork, StepTitle } from './FirstSteps';
import { TitleField } from '../controls/TitleField';
import { spoken } from '../controls/language';

export interface Defaults {
  model: string;
  template: string;
}

export interface HomeProps {
  api: Api;
  models: readonly ModelChoice[];
  /** The models are not known yet. */
  loading: boolean;
  demos: readonly Demo[];
  templates: readonly TemplateChoice[];
  sandboxes: readonly SandboxChoice[];
  defaults: Defaults;
  sendWithModifier: boolean;
  onOpen: (session: Summary, fresh: boolean) => void;
  onRemove: (session: Summary) => Promise<boolean>;
  /** `wanted`: an app is to be built. */
  onSetUp: (wanted?: boolean) => void;
  /** What is being written, which outlives this screen. */
  draft: string;
  setDraft: (text: string) => void;
  /** The model that was set up last. */
  model?: string;
  /** The template that was chosen in the gallery. */
  template?: string;
  /** The first steps: new to who has no app, left by the person, or called for. */
  steps?: 'new' | 'left' | 'wanted';
  onSteps?: (wanted: boolean) => void;
  /** Look again at what is there to build with. */
  onCheck?: () => void;
  /** The files that go with what is being written. */
  attachments?: Attachments;
}

/** A new app has nothing to ask about. */
const FIRST_MODES: readonly Mode[] = ['build', 'plan'];

/** How often the list is read again while it is in view (ms). */
const REFRESH = 8000;

/** The first screen: describe an app, play a demo, or go on with one. */
export function Home(props: HomeProps): React.ReactElement {
  const trans = useTranslation();
  const { pages } = useHost();
  const general = Object.values(pages ?? {}).filter(page => !page.ofSession && !page.inSettings);
  const { api, models, demos, templates, sandboxes, defaults } = props;
  const { draft: text, setDraft: setText, attachments } = props;
  const [model, setModel] = React.useState(props.model ?? '');
  const [template, setTemplate] = React.useState(props.template ?? '');
  const [sandbox, setSandbox] = React.useState('');
  const [chosenMode, setChosenMode] = React.useState<Mode>('build');
  const [picking, setPicking] = React.useState<boolean | null>(null);
  const pickerId = React.useId();
  const box = React.useRef<HTMLTextAreaElement>(null);
  const [starting, setStarting] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const sessions = useSessions(api);
  const place = usePlace(api);
  const broken = useBroken(api);
  const live = models.filter(choice => !choice.recorded);
  const recorded = models.find(choice => choice.recorded);
  // A name that no list holds is taken as it is.
  const known = (id: string): boolean => id !== '' && (models.some(choice => choice.id === id) || id === model);
  const chosen = known(model) ? model : known(defaults.model) ? defaults.model : (models[0]?.id ?? '');
  const chosenTemplate =
    template || (templates.some(t => t.name === defaults.template) ? defaults.template : (templates[0]?.name ?? ''));

  const recordedModel = models.find(choice => choice.id === chosen)?.recorded ?? false;
  const mode = recordedModel ? 'build' : chosenMode;

  const create = (
    prompt: string,
    withModel: string,
    withTemplate: string,
    inMode: Mode = 'build',
    files?: AttachmentsState
  ): void => {
    const names = files ? namesOf(files) : [];
    setStarting(true);
    setFailure(null);
    api
      .create({
        prompt,
        ...(withTemplate ? { template: withTemplate } : {}),
        ...(withModel ? { model: withModel } : {}),
        ...(sandbox ? { sandbox } : {}),
        ...(inMode === 'build' ? {} : { mode: inMode }),
        ...(names.length > 0 ? { attachments: names } : {})
      })
      .then(session => {
        if (prompt === text.trim()) {
          setText(''); // what was being written stays when a demo is opened
        }
        props.onOpen(session, true);
      })
      .catch((error: unknown) => {
        setFailure(RequestFailed.from(error));
        if (files) {
          attachments?.putBack(files);
        }
      })
      .finally(() => setStarting(false));
  };

  const usable = sandboxes.filter(choice => choice.available);
  const nowhere = sandboxes.length > 0 && usable.length === 0;
  const chosenSandbox =
    usable.find(choice => choice.name === sandbox) ?? usable.find(choice => choice.default) ?? usable[0];
  const origin = templates.find(choice => choice.name === chosenTemplate);
  const starters = demos.filter(demo => demo.after === null);
  const first = sessions.list !== null && sessions.list.length === 0 && sessions.search === '';
  // Without a model the demos come first: they need no choice.
  const { steps = 'left', onSteps } = props;
  const introduces = steps === 'wanted' || (steps === 'new' && first);
  const { tour } = useHost();
  const watch = React.useRef<HTMLHeadingElement>(null);
  const pickerOpen = picking ?? (first && live.length > 0 && templates.length > 1);
  return (
    <div className="jp-AppBuilder-home">
      <IsolationWarning sandbox={chosenSandbox} />
      {nowhere && sandboxes[0] && (
        <Failure error={new RequestFailed({ message: sandboxes[0].message, hint: sandboxes[0].hint })} />
      )}
      {place?.problem && <Failure error={new RequestFailed(place.problem)} />}
      <div className="jp-AppBuilder-hero">
        <h2>{trans.__('Build an app')}</h2>
        {first && (
          <p>
            {trans.__(
              'Describe a web app in plain words. An agent writes it in a sandbox while you watch it come alive, and the session becomes a notebook that rebuilds it.'
            )}
          </p>
        )}
      </div>
      {introduces && (
        <Groundwork
          api={api}
          loading={props.loading}
          model={live.find(choice => choice.id === chosen) ?? live[0]}
          broken={live.length > 0 ? [] : broken}
          sandbox={chosenSandbox}
          nowhere={nowhere}
          hasDemos={starters.length > 0 && recorded !== undefined}
          onSetUp={() => props.onSetUp()}
          onDemo={() => {
            watch.current?.scrollIntoView({ block: 'start' });
            watch.current?.focus();
          }}
          onCheck={() => props.onCheck?.()}
          onLeave={() => {
            onSteps?.(false);
            box.current?.focus();
          }}
        />
      )}
      {introduces && <StepTitle number={2} title={trans.__('What do you want to build?')} />}
      <Composer
        ref={box}
        label={trans.__('Describe the app you want')}
        placeholder={trans.__('A task board with drag and drop that remembers my tasks…')}
        text={text}
        setText={setText}
        rows={3}
        onSend={prompt => {
          if (live.length === 0 && !demos.some(demo => demo.prompt.trim() === prompt)) {
            props.onSetUp(true); // the recorded demo answers its own prompts only
          } else {
            create(prompt, chosen, chosenTemplate, mode, attachments?.take());
          }
        }}
        blocked={
          starting
            ? trans.__('Starting…')
            : place?.problem
              ? trans.__('No app can be made here yet.')
              : nowhere
                ? trans.__('No app can run here yet.')
                : ''
        }
        sendWithModifier={props.sendWithModifier}
        sendLabel={modeTitle(mode, trans)}
        attachments={recordedModel ? undefined : attachments}
        model={models.find(choice => choice.id === chosen)}
      >
        <ModeChooser
          modes={FIRST_MODES}
          mode={mode}
          onChoose={setChosenMode}
          disabled={recordedModel ? trans.__('The recorded demo has only the build mode.') : ''}
        />
        {origin && (
          <button
            type="button"
            className="jp-AppBuilder-select jp-AppBuilder-templateButton"
            aria-expanded={pickerOpen}
            aria-controls={pickerId}
            aria-label={trans.__('Template: %1', origin.title)}
            title={origin.summary}
            onClick={() => setPicking(!pickerOpen)}
          >
            <TemplateIcon template={origin} />
            <span className="jp-AppBuilder-ellipsis">{origin.title}</span>
            <Icon name="chevron" className="jp-AppBuilder-chevron" />
          </button>
        )}
        {live.length > 0 && (
          <ModelChooser label={trans.__('Model')} models={models} chosen={chosen} onChoose={setModel} />
        )}
        {usable.length > 1 && chosenSandbox && (
          <select
            className="jp-AppBuilder-select"
            aria-label={trans.__('Sandbox')}
            title={chosenSandbox.isolation?.detail ?? trans.__('Where the app runs')}
            value={chosenSandbox.name}
            onChange={event => setSandbox(event.target.value)}
          >
            {usable.map(choice => (
              <option key={choice.name} value={choice.name}>
                {sandboxTitle(choice.name, trans)}
              </option>
            ))}
          </select>
        )}
      </Composer>
      {origin && (text.trim() === '' || origin.prompts.includes(text.trim())) && (
        <RequestChips
          label={trans.__('For example')}
          requests={origin.prompts}
          text={text}
          setText={setText}
          box={box}
        />
      )}
      {pickerOpen && templates.length > 0 && (
        <TemplatePicker
          id={pickerId}
          templates={templates}
          chosen={chosenTemplate}
          onChoose={setTemplate}
          onGallery={pages?.templates?.run}
        />
      )}
      {failure && <Failure error={failure} />}
      {broken.map(provider => (
        <div
          key={provider.name}
          className={`jp-AppBuilder-notice jp-mod-${live.length > 0 ? 'warn' : 'error'}`}
          role="alert"
        >
          <Icon name="alert" />
          <div>
            <p>{provider.problem?.message}</p>
            {provider.problem?.hint && <p className="jp-AppBuilder-hint">{provider.problem.hint}</p>}
            <button type="button" className="jp-AppBuilder-link" onClick={() => props.onSetUp()}>
              {trans.__('Check its settings')}
            </button>
          </div>
        </div>
      ))}
      {!introduces && !props.loading && live.length === 0 && broken.length === 0 && (
        <div className="jp-AppBuilder-notice">
          <Icon name="key" />
          <div>
            <p>{trans.__('No model is set up yet. The demos below play without one; your own ideas need one.')}</p>
            <button type="button" className="jp-AppBuilder-button" onClick={() => props.onSetUp()}>
              {trans.__('Set up a model')}
            </button>
          </div>
        </div>
      )}
      {place?.folder && !place.problem && place.path === null && (
        <p className="jp-AppBuilder-note">
          {trans.__('Apps are made in %1, which the file browser does not show.', place.folder)}
        </p>
      )}
      {introduces && (
        <>
          <StepTitle number={3} title={trans.__('Watch it being built')} />
          <p>
            {trans.__(
              'You see each step, and the running app beside your work. Say what should change, stop at any time, and go back to any version.'
            )}
          </p>
        </>
      )}
      {!first && <Sessions {...props} sessions={sessions} />}
      {starters.length > 0 && recorded && (
        <section aria-labelledby="jp-AppBuilder-demos">
          <h3 id="jp-AppBuilder-demos" tabIndex={-1} ref={watch}>
            {first ? trans.__('Or watch one being built') : trans.__('Demos')}
          </h3>
          <ul className="jp-AppBuilder-demos">
            {starters.map(demo => (
              <li key={demo.name}>
                <button
                  type="button"
                  className="jp-AppBuilder-demo"
                  disabled={starting || Boolean(place?.problem) || nowhere}
                  onClick={() => create(demo.prompt, recorded.id, '')} // it brings its own template
                >
                  <span className="jp-AppBuilder-demoTitle">
                    <Icon name="play" />
                    {demo.title}
                  </span>
                  <span className="jp-AppBuilder-demoPrompt">{demo.prompt}</span>
                  <span className="jp-AppBuilder-tag jp-mod-recorded">{trans.__('Recorded demo')}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {(general.length > 0 || (onSteps && !introduces)) && (
        <p className="jp-AppBuilder-homeFooter">
          {general.map(({ label, run }, at) => (
            <React.Fragment key={label}>
              {at > 0 && ' · '}
              <button type="button" className="jp-AppBuilder-link" onClick={run}>
                {label}
              </button>
            </React.Fragment>
          ))}
          {onSteps && !introduces && (
            <>
              {general.length > 0 && ' · '}
              <button type="button" className="jp-AppBuilder-link" onClick={() => onSteps(true)}>
                {trans.__('First steps')}
              </button>
            </>
          )}
          {tour && !first && (
            <>
              {' · '}
              <button type="button" className="jp-AppBuilder-link" onClick={tour}>
                {trans.__('Tour')}
              </button>
            </>
          )}
        </p>
      )}
    </div>
  );
}

/** Providers that are set up and cannot be used. */
function useBroken(api: Api): readonly ProviderChoice[] {
  const [broken, setBroken] = React.useState<readonly ProviderChoice[]>([]);
  React.useEffect(() => {
    let wanted = true;
    api.providers().then(
      known => wanted && setBroken(known.filter(provider => provider.problem)),
      () => undefined // the list of sessions says that the server does not answer
    );
    return () => {
      wanted = false;
    };
  }, [api]);
  return broken;
}

/** Read again while there is something wrong with it: it may be mended meanwhile. */
function usePlace(api: Api): Place | null {
  const [place, setPlace] = React.useState<Place | null>(null);
  const wrong = Boolean(place?.problem);
  React.useEffect(() => {
    let wanted = true;
    const read = (): void => {
      api.place().then(
        found => wanted && setPlace(found),
        () => undefined // the list of sessions says that the server does not answer
      );
    };
    read();
    const timer = wrong ? setInterval(read, REFRESH) : undefined;
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [api, wrong]);
  return place;
}

interface SessionList {
  list: readonly Summary[] | null;
  search: string;
  setSearch: (search: string) => void;
  refresh: () => void;
  failure: RequestFailed | null;
}

function useSessions(api: Api): SessionList {
  const [list, setList] = React.useState<readonly Summary[] | null>(null);
  const [search, setSearch] = React.useState('');
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [again, setAgain] = React.useState(0);
  React.useEffect(() => {
    let wanted = true;
    const read = (): void => {
      api.sessions(search).then(
        found => {
          if (wanted) {
            setList(found);
            setFailure(null);
          }
        },
        (error: unknown) => wanted && setFailure(RequestFailed.from(error))
      );
    };
    const wait = setTimeout(read, search === '' ? 0 : 150);
    const timer = setInterval(() => document.visibilityState === 'visible' && read(), REFRESH);
    return () => {
      wanted = false;
      clearTimeout(wait);
      clearInterval(timer);
    };
  }, [api, search, again]);
  return { list, search, setSearch, refresh: () => setAgain(count => count + 1), failure };
}

function Sessions({ sessions, api, onOpen, onRemove }: HomeProps & { sessions: SessionList }): React.ReactElement {
  const trans = useTranslation();
  const { allApps } = useHost();
  const { list, search, setSearch, refresh, failure } = sessions;
  const [renaming, setRenaming] = React.useState<string | null>(null);
  const [problem, setProblem] = React.useState<RequestFailed | null>(null);
  const titles = (list ?? []).map(session => session.title);
  const twins = new Set(titles.filter((title, at) => titles.indexOf(title) !== at));
  return (
    <section aria-labelledby="jp-AppBuilder-sessions">
      <div className="jp-AppBuilder-sessionsHead">
        <h3 id="jp-AppBuilder-sessions">{trans.__('Your apps')}</h3>
        {allApps && (
          <button type="button" className="jp-AppBuilder-link" onClick={allApps}>
            {trans.__('All apps')}
          </button>
        )}
      </div>
      <div className="jp-AppBuilder-search">
        <Icon name="search" />
        <input
          type="search"
          className="jp-AppBuilder-input"
          value={search}
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search your apps')}
          onChange={event => setSearch(event.target.value)}
        />
      </div>
      {(failure ?? problem) && <Failure error={(failure ?? problem) as RequestFailed} />}
      {list === null && !failure && (
        <p className="jp-AppBuilder-note" role="status">
          <Spinner /> {trans.__('Loading…')}
        </p>
      )}
      {list?.length === 0 && search !== '' && (
        <p className="jp-AppBuilder-note" role="status">
          {trans.__('No app matches “%1”.', search)}
        </p>
      )}
      <ul className="jp-AppBuilder-sessions">
        {list?.map(session => (
          <li key={session.id} className="jp-AppBuilder-sessionItem">
            {renaming === session.id ? (
              <TitleField
                label={trans.__('New title of %1', session.title)}
                value={session.title}
                onDone={title => {
                  setRenaming(null);
                  if (title && title !== session.title) {
                    api
                      .update(session.id, { title })
                      .catch((error: unknown) => setProblem(RequestFailed.from(error)))
                      .finally(refresh);
                  }
                }}
              />
            ) : (
              <button type="button" className="jp-AppBuilder-sessionOpen" onClick={() => onOpen(session, false)}>
                <span className="jp-AppBuilder-sessionTitle">{session.title}</span>
                <span className="jp-AppBuilder-meta">
                  <StateBadge state={listedState(session)} />
                  <Ago at={session.updated_at} />
                  {twins.has(session.title) && (
                    <span className="jp-AppBuilder-ellipsis">
                      {trans.__(
                        'made %1',
                        new Date(session.created_at).toLocaleString(spoken(), {
                          dateStyle: 'medium',
                          timeStyle: 'medium'
                        })
                      )}
                    </span>
                  )}
                  <PublishedTag published={session.published} />
                  {session.recorded && (
                    <span className="jp-AppBuilder-tag jp-mod-recorded">{trans.__('Recorded')}</span>
                  )}
                  {session.forked && (
                    <span className="jp-AppBuilder-ellipsis">{trans.__('Forked from %1', session.forked.name)}</span>
                  )}
                </span>
              </button>
            )}
            <MenuButton
              label={trans.__('Actions for %1', session.title)}
              entries={[
                { label: trans.__('Open'), icon: 'eye', run: () => onOpen(session, false) },
                ...forkedFrom(session, list, onOpen, trans),
                { label: trans.__('Rename'), icon: 'pencil', run: () => setRenaming(session.id) },
                {
                  label: trans.__('Download as ZIP'),
                  icon: 'download',
                  run: () => {
                    api
                      .download(session.id, session.name)
                      .catch((error: unknown) => setProblem(RequestFailed.from(error)));
                  }
                },
                {
                  label: trans.__('Delete…'),
                  icon: 'trash',
                  danger: true,
                  run: () => {
                    onRemove(session)
                      .catch((error: unknown) => setProblem(RequestFailed.from(error)))
                      .finally(refresh);
                  }
                }
              ]}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Nothing is ready where nothing runs. */
export function listedState({ state, app }: Summary): ShownState {
  return state !== 'ready' || app === 'ready' ? state : app;
}

/** The way to the app that one was forked from, if it is listed. */
function forkedFrom(
  session: Summary,
  list: readonly Summary[],
  onOpen: HomeProps['onOpen'],
  trans: Translation
): MenuEntry[] {
  const source = list.find(other => other.id === session.forked?.source);
  return source
    ? [
        {
          label: trans.__('Open “%1”, the app it was forked from', source.title),
          icon: 'fork',
          run: () => onOpen(source, false)
        }
      ]
    : [];
}
