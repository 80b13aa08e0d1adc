import * as React from 'react';
import type { PanelModel } from '../panel';
import type { Demo, ModelChoice, SandboxChoice, TemplateChoice } from '../transport';
import type { Summary } from '../wire';
import { Home, type Defaults } from './Home';
import { ModelSetup } from './ModelSetup';
import { RulesPage } from './Rules';
import { SessionPane } from './Session';
import { SurroundingsContext, type Host } from './surroundings';
import { UsagePage } from './UsagePage';
import type { Translation } from '../translation';

export interface PanelProps {
  model: PanelModel;
  trans: Translation;
  defaults: Defaults;
  sendWithModifier: boolean;
  /** What the place can do for a session. */
  host: (session: Summary | null) => Host;
  /** Called when the person opens or starts a session here. */
  onOpened: (session: Summary, fresh: boolean) => void;
  /** Asks first; false when the person thought better of it. */
  onRemove: (session: Summary) => Promise<boolean>;
}

/** The whole side panel. */
export function Panel(props: PanelProps): React.ReactElement {
  const { model, trans } = props;
  const { store } = React.useSyncExternalStore(model.subscribe, model.get);
  const [settingUp, setSettingUp] = React.useState<'asked' | 'wanted' | null>(null);
  const [setUp, setSetUp] = React.useState('');
  const [draft, setDraft] = React.useState('');
  const { session } = model.get();
  const keepDraft = React.useCallback((text: string) => void model.drafts.set(session ?? '', text), [model, session]);
  const [showsUsage, setShowsUsage] = React.useState(false);
  React.useEffect(() => setShowsUsage(false), [store]);
  const [showsRules, setShowsRules] = React.useState(false);
  const catalog = useCatalog(model);
  const summary = useSummary(model);
  const { host, onOpened } = props;
  const surroundings = React.useMemo(
    () => ({
      trans,
      host: {
        ...host(summary),
        newApp: () => model.close(),
        setUpModel: () => setSettingUp('asked'),
        showUsage: () => setShowsUsage(true),
        showRules: () => setShowsRules(true),
        openSession: (id: string, session?: Summary) => {
          model.open(id);
          if (session) {
            onOpened(session, true);
          }
        }
      }
    }),
    // The host's abilities depend on where the session lies, not on its state.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [trans, host, summary?.id, summary?.app_path, summary?.notebook, summary?.title]
  );
  return (
    <SurroundingsContext.Provider value={surroundings}>
      <div className="jp-AppBuilder-panel">
        {settingUp ? (
          <ModelSetup
            api={model.api}
            wanted={settingUp === 'wanted'}
            onChanged={catalog.refresh}
            onClose={chosen => {
              setSettingUp(null);
              setSetUp(chosen || setUp);
            }}
          />
        ) : showsUsage ? (
          <UsagePage
            key={model.get().session}
            api={model.api}
            transport={store?.transport ?? null}
            models={catalog.models}
            onClose={() => setShowsUsage(false)}
          />
        ) : showsRules ? (
          <RulesPage
            key={model.get().session}
            api={model.api}
            session={store ? model.get().session : null}
            title={summary?.title ?? ''}
            onClose={() => setShowsRules(false)}
          />
        ) : store ? (
          <SessionPane
            key={model.get().session}
            store={store}
            onBack={() => model.close()}
            models={catalog.models}
            demos={catalog.demos}
            sandboxes={catalog.sandboxes}
            sendWithModifier={props.sendWithModifier}
            draft={model.drafts.get(session ?? '') ?? ''}
            onDraft={keepDraft}
          />
        ) : (
          <Home
            api={model.api}
            models={catalog.models}
            loading={catalog.loading}
            demos={catalog.demos}
            templates={catalog.templates}
            sandboxes={catalog.sandboxes}
            defaults={props.defaults}
            sendWithModifier={props.sendWithModifier}
            onOpen={(session, fresh) => {
              model.open(session.id);
              props.onOpened(session, fresh);
            }}
            onRemove={props.onRemove}
            onSetUp={wanted => setSettingUp(wanted ? 'wanted' : 'asked')}
            draft={draft}
            setDraft={setDraft}
            model={setUp}
          />
        )}
      </div>
    </SurroundingsContext.Provider>
  );
}

function useSummary(model: PanelModel): Summary | null {
  const { store } = React.useSyncExternalStore(model.subscribe, model.get);
  const subscribe = React.useCallback(
    (changed: () => void) => (store ? store.subscribe(changed) : () => undefined),
    [store]
  );
  return React.useSyncExternalStore(subscribe, () => store?.get().view.session ?? null);
}

interface Catalog {
  models: readonly ModelChoice[];
  demos: readonly Demo[];
  templates: readonly TemplateChoice[];
  sandboxes: readonly SandboxChoice[];
  loading: boolean;
  refresh: () => void;
}

/** Models, demos and templates; what cannot be had is left out, the list of sessions shows the server's error. */
function useCatalog(model: PanelModel): Catalog {
  const { api } = model;
  const [models, setModels] = React.useState<readonly ModelChoice[] | null>(null);
  const [demos, setDemos] = React.useState<readonly Demo[]>([]);
  const [templates, setTemplates] = React.useState<readonly TemplateChoice[]>([]);
  const [sandboxes, setSandboxes] = React.useState<readonly SandboxChoice[]>([]);
  const [again, setAgain] = React.useState(0);
  const refresh = React.useCallback(() => setAgain(count => count + 1), []);
  React.useEffect(() => {
    let wanted = true;
    const keep =
      <T,>(set: (value: T) => void) =>
      (value: T): void => {
        if (wanted) {
          set(value);
        }
      };
    api.models().then(keep(setModels), () => keep(setModels)([]));
    api.demos().then(keep(setDemos), () => undefined);
    api.templates().then(keep(setTemplates), () => undefined);
    api.sandboxes().then(keep(setSandboxes), () => undefined);
    return () => {
      wanted = false;
    };
  }, [api, again]);
  return {
    models: models ?? [],
    demos,
    templates,
    sandboxes,
    loading: models === null,
    refresh
  };
}
