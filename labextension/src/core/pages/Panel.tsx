import * as React from 'react';
import { Spinner } from '../controls/Icon';
import { useCatalog } from '../wire/catalog';
import type { PageId, PanelModel, PublicationAct } from '../panel';
import type { Summary } from '../wire/wire';
import { Home, type Defaults } from '../home/Home';
import { byName, ToolsContext } from '../feed/toolLabel';
import { PAGES } from './pages';
import { SessionPane } from '../session/Session';
import { SurroundingsContext, type Host, type PageLink, type Preferences } from '../controls/surroundings';
import type { Translation } from '../controls/translation';

export interface PanelProps {
  model: PanelModel;
  trans: Translation;
  defaults: Defaults;
  sendWithModifier: boolean;
  /** What the place can do for a session. */
  host: (session: Summary | null) => Host;
  /** Keep what the person prefers for new apps, and show all that they can. */
  onPrefer?: Preferences['set'];
  onPreferences?: () => void;
  /** Called when the person opens or starts a session here. */
  onOpened: (session: Summary, fresh: boolean) => void;
  /** Asks first; false when the person thought better of it. */
  onRemove: (session: Summary) => Promise<boolean>;
}

/** The whole side panel. */
export function Panel(props: PanelProps): React.ReactElement {
  const { model, trans } = props;
  const { session, store, page, composed, introducing, expecting } = React.useSyncExternalStore(
    model.subscribe,
    model.get
  );
  const [draft, setDraft] = React.useState(() => model.drafts.get(''));
  const keepDraft = React.useCallback((text: string) => void model.drafts.set(session ?? '', text), [model, session]);
  const catalog = useCatalog(model.api, trans);
  const summary = useSummary(model);
  const { host, onOpened, onPrefer, onPreferences } = props;
  const { model: preferredModel, template: preferredTemplate } = props.defaults;
  const preferences = React.useMemo<Preferences | null>(
    () =>
      onPrefer && onPreferences
        ? { model: preferredModel, template: preferredTemplate, set: onPrefer, showAll: onPreferences }
        : null,
    [preferredModel, preferredTemplate, onPrefer, onPreferences]
  );
  const surroundings = React.useMemo(
    () => ({
      trans,
      host: {
        ...host(summary),
        newApp: () => model.close(),
        pages: links(model, trans),
        ...(preferences ? { preferences } : {}),
        compareVersions: (from: string, to: string) => model.compare(from, to),
        publication: (act: PublicationAct) => model.publication(act),
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
    [trans, host, preferences, summary?.id, summary?.app_path, summary?.notebook, summary?.title]
  );
  const tools = React.useMemo(() => byName(catalog.tools), [catalog.tools]);
  const Body = page && PAGES[page.id].Body;
  const panel = React.useRef<HTMLDivElement>(null);
  const wide = useWide(panel);
  useKeptFocus(panel, `${session} ${page?.id}`);
  // There is room for both; a comparison takes all of it.
  const beside = Boolean(page && PAGES[page.id].beside && wide && store && !page.compared);
  return (
    <SurroundingsContext.Provider value={surroundings}>
      <ToolsContext.Provider value={tools}>
        <div ref={panel} className={`jp-AppBuilder-panel${beside ? ' jp-mod-beside' : ''}`}>
          {Body && !beside ? (
            <Body key={`${page?.id} ${session}`} model={model} session={summary} catalog={catalog} />
          ) : store ? (
            <SessionPane
              key={session}
              store={store}
              onBack={() => model.close()}
              models={catalog.models}
              templates={catalog.templates}
              sandboxes={catalog.sandboxes}
              sendWithModifier={props.sendWithModifier}
              draft={model.drafts.get(session ?? '')}
              onDraft={keepDraft}
              attachments={model.attachments(session ?? '')}
              composed={composed}
              queue={model.queue(session ?? '')}
            />
          ) : expecting ? (
            <p className="jp-AppBuilder-note jp-AppBuilder-opening" role="status">
              <Spinner /> {trans.__('Opening…')}
            </p>
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
              onSetUp={wanted => model.show('models', wanted)}
              draft={draft}
              setDraft={text => {
                setDraft(text);
                model.drafts.set('', text);
              }}
              model={model.setUp}
              template={model.template}
              steps={introducing ? 'wanted' : model.flags.has('first-steps') ? 'left' : 'new'}
              onSteps={wanted => (wanted ? model.introduce() : model.leaveFirstSteps())}
              onCheck={catalog.refresh}
              attachments={model.attachments('')}
            />
          )}
          {Body && beside && (
            <aside className="jp-AppBuilder-aside-page">
              <Body key={`${page?.id} ${session}`} model={model} session={summary} catalog={catalog} />
            </aside>
          )}
        </div>
      </ToolsContext.Provider>
    </SurroundingsContext.Provider>
  );
}

/** Where the button that led to another screen went with the old one, the keyboard goes on in the new one's box. */
function useKeptFocus(panel: React.RefObject<HTMLElement>, screen: string): void {
  const before = React.useRef(screen);
  const inside = React.useRef(false);
  React.useEffect(() => {
    const note = (event: FocusEvent): void => {
      inside.current = panel.current?.contains(event.target as Node) ?? false;
    };
    document.addEventListener('focusin', note);
    return () => document.removeEventListener('focusin', note);
  }, [panel]);
  React.useEffect(() => {
    if (before.current !== screen && inside.current && document.activeElement === document.body) {
      panel.current?.querySelector<HTMLElement>('.jp-AppBuilder-composer textarea')?.focus({ preventScroll: true });
    }
    before.current = screen;
  }, [panel, screen]);
}

/** px, from which on a page can stand beside the conversation. */
const WIDE = 600;

function useWide(panel: React.RefObject<HTMLElement>): boolean {
  const [wide, setWide] = React.useState(false);
  React.useEffect(() => {
    if (!panel.current || !('ResizeObserver' in window)) {
      return;
    }
    const observer = new ResizeObserver(entries => {
      const width = entries[entries.length - 1]?.contentRect.width ?? 0;
      if (width > 0) {
        setWide(width >= WIDE); // hidden, it keeps what it was
      }
    });
    observer.observe(panel.current);
    return () => observer.disconnect();
  }, [panel]);
  return wide;
}

/** The pages as things to turn to. */
function links(model: PanelModel, trans: Translation): Record<PageId, PageLink> {
  const found = (Object.keys(PAGES) as PageId[]).map((id): [PageId, PageLink] => {
    const { title, icon, ofSession = false, inSettings = false } = PAGES[id];
    return [id, { label: title(trans), icon, ofSession, inSettings, run: () => model.show(id) }];
  });
  return Object.fromEntries(found) as Record<PageId, PageLink>;
}

function useSummary(model: PanelModel): Summary | null {
  const { store } = React.useSyncExternalStore(model.subscribe, model.get);
  const subscribe = React.useCallback(
    (changed: () => void) => (store ? store.subscribe(changed) : () => undefined),
    [store]
  );
  return React.useSyncExternalStore(subscribe, () => store?.get().view.session ?? null);
}
