import * as React from 'react';
import { guardFocus } from './frameFocus';
import { LookFrame, LookNotice, useLooking } from './Looking';
import {
  messageLimit,
  readMessage,
  withFinding,
  type Finding,
  type PageMessage,
  type PageRequest
} from './pageMessages';
import type { SessionStore } from '../view/store';
import { RequestFailed } from '../wire/wire';
import { Icon, Spinner } from '../controls/Icon';
import { PageNotices } from './PageNotices';
import { StyleInspector, useStyling } from './Styling';
import { PointButton, PointNotice, usePointing } from './Pointing';
import { grant, justActed, withRequest } from './pageRequests';
import { useHost, useTranslation } from '../controls/surroundings';
import { Progress } from './Session';
import { Failure } from '../controls/Failure';
import type { Asks } from '../data/DataPane';
import type { FunctionAsks } from '../data/FunctionsPane';
import { Inside } from '../data/Inside';
import type { LayoutAsks } from '../data/LayoutPane';
import { Drawer, DrawerButton } from '../preview/Drawer';
import { fit, type FrameSize } from '../preview/frameSize';
import { PLAIN, type Look } from '../preview/looks';
import { DESKTOP, showsPage } from '../preview/shownPages';
import { PageRecords } from '../preview/records';
import { routesOfLayout, withRoutes, type Route } from '../preview/routes';
import { Sized } from '../preview/Sized';
import { Toolbar, type ToolbarProps } from '../preview/Toolbar';
import type { SecretAsks } from '../data/SecretsPane';
import type { FileAsks } from '../data/sending';
import type { Requests } from '../wire/transport';
import { fixRequest } from '../feed/Turn';

const SILENT_MS = 6000; // from a page's load until it is taken for none of the app's

const NO_MESSAGES: ReadonlySet<string> = new Set();

/** What the browser lets the page do beside the sandbox's own list: what a person's click in it may do. */
const ALLOWED = 'clipboard-write; fullscreen';

/** The running app in a frame of its own origin, with what a person needs around it. */
export function PreviewPane({
  store,
  resolve,
  pin = null,
  look: given = PLAIN,
  onLook,
  onHold
}: {
  store: SessionStore;
  /** The address to load for a path that the server gave. */
  resolve: (url: string) => string;
  /** Whether it keeps its app, where it could show another. */
  pin?: ToolbarProps['pin'];
  /** How the page is looked at, at first. */
  look?: Look;
  onLook?: (look: Look) => void;
  /** Told whether something is in it that would be lost with it. */
  onHold?: (held: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { view, connection } = React.useSyncExternalStore(store.subscribe, store.get);
  const frame = React.useRef<HTMLIFrameElement>(null);
  const hears = React.useRef<(message: PageMessage) => void>(() => undefined);
  const [look, setLook] = React.useState<Look>(given);
  const { size, dark, drawer } = look;
  const change = (changed: Partial<Look>): void => {
    const next = { ...look, ...changed };
    setLook(next);
    onLook?.(next);
  };
  const setSize = (size: FrameSize): void => change({ size });
  const [path, setPath] = React.useState('/');
  const [routes, setRoutes] = React.useState<readonly Route[]>([]);
  /** The page in the frame answers messages. */
  const alive = React.useRef(false);
  /** The frame shows something that is not a page of the app: code in it went to another site. */
  const [away, setAway] = React.useState(false);
  const silence = React.useRef(0);
  const pane = React.useRef<HTMLElement>(null);
  const stage = React.useRef<HTMLDivElement>(null);
  const room = useRoom(stage);
  const id = view.session?.id ?? '';
  React.useEffect(() => {
    const shown = { path, width: size.width ?? room.width, height: size.height ?? room.height, dark };
    return showsPage(id, shown.width > 0 && shown.height > 0 ? shown : { path, dark, ...DESKTOP });
  }, [id, path, size.width, size.height, room.width, room.height, dark]);
  const [round, setRound] = React.useState(0);
  const [findings, setFindings] = React.useState<readonly Finding[]>([]);
  /** What the line above the page does not tell any more. */
  const [dismissed, setDismissed] = React.useState<ReadonlySet<string>>(NO_MESSAGES);
  const forgetFindings = React.useCallback(() => {
    setFindings([]);
    setDismissed(NO_MESSAGES);
  }, []);
  const records = React.useMemo(() => new PageRecords(), []);
  const [requests, setRequests] = React.useState<readonly PageRequest[]>([]);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [showsData, setShowsData] = React.useState(false);
  const [held, setHeld] = React.useState(false); // there is something behind the page that must not be lost
  const hold = React.useCallback(
    (held: boolean): void => {
      setHeld(held);
      onHold?.(held);
    },
    [onHold]
  );
  const { preview, session } = view;
  const asks = useAsks(store.transport, preview?.state === 'ready');
  const inside = useInside(store.transport, asks.data !== null);
  const files = useFiles(store.transport);
  const hasData = asks.data !== null || (asks.known && files !== null);
  const dataShown = hasData && showsData;
  const url = preview?.url ? resolve(preview.url) : null;
  const busy = session?.state === 'busy' || session?.state === 'waiting';

  const attempt = React.useCallback((request: Promise<unknown>): void => {
    setFailure(null);
    request.catch((error: unknown) => setFailure(RequestFailed.from(error)));
  }, []);

  const { compose } = useHost();
  // Nothing is sent by it: the person does that.
  const fix =
    compose &&
    (({ message, source, stack }: Finding): void => {
      compose(fixRequest(message, source, stack));
      setDismissed(known => new Set(known).add(message));
    });

  React.useEffect(() => {
    const heard = messageLimit();
    const listen = (event: MessageEvent): void => {
      // The frame's origin is opaque, so only its window tells who speaks.
      if (!frame.current || event.source !== frame.current.contentWindow || !heard()) {
        return;
      }
      const message = readMessage(event.data);
      switch (message?.type) {
        case 'cleared':
          forgetFindings();
          break;
        case 'records':
          records.add(message.records, message.missed);
          break;
        case 'finding':
          setFindings(known => withFinding(known, message.finding));
          break;
        case 'request':
          if (justActed()) {
            setRequests(known => withRequest(known, message.request));
          }
          break;
        case 'navigated':
          setPath(message.path);
          setRoutes(known => withRoutes(known, [{ path: message.path, title: '' }]));
          break;
        case 'routes':
          setRoutes(known => withRoutes(known, message.routes));
          break;
      }
      if (message !== null) {
        hears.current(message);
        alive.current = true;
        window.clearTimeout(silence.current);
        setAway(false);
      }
    };
    window.addEventListener('message', listen);
    return () => window.removeEventListener('message', listen);
  }, [records, forgetFindings]);
  /** The page kept taking the keyboard, and was taken away. */
  const [seized, setSeized] = React.useState(false);
  React.useEffect(
    () =>
      guardFocus(
        () => frame.current,
        () => setSeized(true)
      ),
    []
  );

  // A stopped or sleeping preview starts as soon as somebody looks at it.
  const asked = React.useRef(false);
  const open = connection.state === 'open';
  React.useEffect(() => {
    if (!open) {
      asked.current = false; // a server that comes back has no dev servers
    }
  }, [open]);
  // What kept it from starting may be over with what kept the session from being used.
  const troubled = Boolean(session?.trouble);
  const wasTroubled = React.useRef(troubled);
  React.useEffect(() => {
    if (wasTroubled.current && !troubled) {
      setFailure(null);
      if (view.preview?.state !== 'ready' && view.preview?.state !== 'starting') {
        attempt(store.transport.preview('start'));
      }
    }
    wasTroubled.current = troubled;
  }, [troubled, store, attempt, view.preview?.state]);
  const idle = open && view.caughtUp && session?.state !== 'creating' && (!preview || preview.state === 'stopped');
  React.useEffect(() => {
    if (idle && !asked.current) {
      asked.current = true;
      attempt(store.transport.preview('start'));
    }
  }, [idle, store, attempt]);

  // A page whose server ended shows what it last was: ours says what happened instead.
  const state = preview?.state ?? 'stopped';
  const before = React.useRef(state);
  React.useEffect(() => {
    if (before.current === 'ready' && state === 'failed') {
      setRound(known => known + 1);
    }
    before.current = state;
  }, [state]);

  const unmade = preview?.cause === 'sandbox';
  const fitted = fit(size, room);
  /** Ask the page's probe; it stands on an origin of its own that nobody else can name. */
  const tell = (
    type: 'back' | 'forward' | 'reload' | 'navigate' | 'where' | 'routes',
    more: { path?: string } = {}
  ): void => {
    frame.current?.contentWindow?.postMessage({ source: 'jupyter-appbuilder', type, ...more }, '*');
  };
  /** The pages of the app answer. What took the place of one that did, and does not, is another's. */
  const loaded = (): void => {
    window.clearTimeout(silence.current);
    setAway(false);
    if (!alive.current || state !== 'ready') {
      return;
    }
    tell('where');
    silence.current = window.setTimeout(() => {
      tell('where');
      silence.current = window.setTimeout(() => {
        setAway(true);
        const message =
          // not translated: for the agent
          "The page went away from the app by itself, to another site or a file. In the preview, link to other sites; don't set location to them.";
        const report = { method: 'POST', body: JSON.stringify({ kind: 'page', message }) };
        void fetch(`${url}__appbuilder/report`, report).catch(() => undefined); // so that the agent knows
      }, SILENT_MS / 2);
    }, SILENT_MS / 2);
  };
  const { layout } = inside;
  const askForRoutes = (): void => {
    tell('routes');
    layout?.layout().then(
      found => setRoutes(known => withRoutes(known, routesOfLayout(found?.layout ?? {}))),
      () => undefined // its page says what is wrong
    );
  };
  const back = (): void => {
    setAway(false);
    alive.current = false;
    setRound(known => known + 1);
  };
  React.useEffect(() => {
    window.clearTimeout(silence.current);
    setAway(false);
    return () => window.clearTimeout(silence.current);
  }, [state, url, round]);
  const restart = (): void => attempt(store.transport.preview('restart'));
  const failed = preview?.message || trans.__('The dev server stopped.');
  const fixServer = fix && !unmade ? () => fix({ message: failed, stack: (preview?.log ?? '').slice(-2000) }) : null;
  const reload = (): void => {
    forgetFindings();
    if (alive.current) {
      tell('reload'); // stays on its page
      alive.current = false;
    } else {
      setRound(round + 1);
    }
  };
  const pointing = usePointing(store, state === 'ready' && !dataShown && url !== null, on =>
    frame.current?.contentWindow?.postMessage({ source: 'jupyter-appbuilder', type: 'point', on }, '*')
  );
  const styling = useStyling(store, state === 'ready' && !dataShown && url !== null, (selector, css) =>
    frame.current?.contentWindow?.postMessage({ source: 'jupyter-appbuilder', type: 'style', selector, css }, '*')
  );
  hears.current = message => {
    pointing.heard(message);
    styling.heard(message);
  };
  const looking = useLooking(store, state === 'ready' ? url : null, resolve, pane, stage);
  return (
    <section ref={pane} className="jp-AppBuilder-preview" aria-label={trans.__('Preview')}>
      <Toolbar
        data={hasData ? { shown: showsData, show: setShowsData } : null}
        there={url !== null}
        starting={state === 'starting'}
        path={path}
        routes={routes}
        onRoutes={askForRoutes}
        onGo={to => tell('navigate', { path: to })}
        onBack={() => tell('back')}
        onForward={() => tell('forward')}
        onReload={reload}
        size={size}
        setSize={setSize}
        room={room}
        scale={fitted.scale}
        pin={pin}
        dark={dark}
        setDark={dark => change({ dark })}
        onRestart={restart}
        onOpen={() => url && window.open(url, '_blank', 'noopener,noreferrer')}
      >
        {store.transport.point && <PointButton pointing={pointing} disabled={state !== 'ready'} />}
        <DrawerButton
          records={records}
          findings={findings.length}
          open={drawer.open}
          onToggle={() => change({ drawer: { ...drawer, open: !drawer.open } })}
        />
      </Toolbar>
      {failure && <Failure error={failure} />}
      {(dataShown || held) && (
        <Inside
          data={asks.data}
          files={files}
          {...inside}
          changed={busy ? -1 : store.news()}
          shown={dataShown}
          held={held}
          onHold={hold}
        />
      )}
      <LookNotice looking={looking} />
      <PointNotice pointing={pointing} />
      {styling.chip && (
        <StyleInspector key={styling.chip.key} store={store} chip={styling.chip} styling={styling} busy={busy} />
      )}
      {url && state === 'failed' && (
        <div className="jp-AppBuilder-pageNotice jp-mod-error" role="status">
          <Icon name="alert" />
          <span className="jp-AppBuilder-pageNoticeText">
            {unmade ? trans.__('There is no sandbox to run the app in.') : trans.__('The app could not start.')}
          </span>
          <Remedies busy={busy} onFix={fixServer} onRestart={restart} />
        </div>
      )}
      {away && (
        <div className="jp-AppBuilder-pageNotice jp-mod-error" role="status">
          <Icon name="alert" />
          <span className="jp-AppBuilder-pageNoticeText">
            {trans.__('The app’s page went to another site or a file.')}
          </span>
          <button type="button" className="jp-AppBuilder-button jp-mod-primary" onClick={back}>
            {trans.__('Back to the app')}
          </button>
        </div>
      )}
      <PageNotices
        findings={findings.filter(({ message }) => !dismissed.has(message))}
        requests={requests}
        base={url ?? ''}
        busy={busy}
        onFix={fix ?? null}
        onShow={() => change({ drawer: { ...drawer, tab: 'findings', open: true } })}
        onDismissFindings={() => setDismissed(new Set(findings.map(({ message }) => message)))}
        onGrant={request => {
          grant(request);
          setRequests(known => known.filter(one => one !== request));
        }}
        onRefuse={request => setRequests(known => known.filter(one => one !== request))}
      />
      <div ref={stage} className={`jp-AppBuilder-stage jp-mod-${size.device}${dataShown ? ' jp-mod-behind' : ''}`}>
        {url && state === 'starting' && preview?.message === 'Waking up' && (
          <p className="jp-AppBuilder-waking" role="status">
            <Spinner />
            {trans.__('Waking the app…')}
          </p>
        )}
        {url && seized ? (
          <div className="jp-AppBuilder-waiting" role="alert">
            <h2>{trans.__('The page was closed')}</h2>
            <p>{trans.__('It kept taking keyboard focus while you typed elsewhere.')}</p>
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-primary"
              onClick={() => {
                setSeized(false);
                setRound(known => known + 1);
              }}
            >
              {trans.__('Show it again')}
            </button>
          </div>
        ) : url ? (
          <Sized fit={fitted} onWidth={width => setSize({ device: 'custom', width, height: size.height })}>
            {style => (
              <iframe
                key={`${url}:${round}`}
                ref={frame}
                src={url}
                title={trans.__('Preview of %1', session?.title ?? '')}
                onLoad={loaded}
                sandbox="allow-scripts allow-forms allow-modals"
                allow={ALLOWED}
                referrerPolicy="no-referrer"
                style={{ ...style, colorScheme: dark ? 'dark' : 'light' }} // the page's prefers-color-scheme follows
              />
            )}
          </Sized>
        ) : (
          <Waiting
            state={state === 'stopped' && (failure || troubled) ? 'off' : state}
            message={preview?.message ?? ''}
            log={preview?.log ?? ''}
            fraction={preview?.fraction ?? null}
          >
            {state === 'failed' && (
              <div className="jp-AppBuilder-actions">
                <Remedies busy={busy} onFix={fixServer} onRestart={restart} />
              </div>
            )}
            {(state === 'asleep' || (state === 'stopped' && (failure || troubled))) && (
              <button
                type="button"
                className="jp-AppBuilder-button jp-mod-primary"
                onClick={() => attempt(store.transport.preview('start'))}
              >
                <Icon name="play" />
                {state === 'asleep' ? trans.__('Wake it') : trans.__('Start')}
              </button>
            )}
          </Waiting>
        )}
        <LookFrame looking={looking} room={room.width} />
      </div>
      {drawer.open && !dataShown && (
        <Drawer
          records={records}
          findings={findings}
          tab={drawer.tab}
          setTab={tab => change({ drawer: { ...drawer, tab, open: true } })}
          height={drawer.height}
          setHeight={height => change({ drawer: { ...drawer, height } })}
          onFix={fix ?? null}
          onClose={() => {
            change({ drawer: { ...drawer, open: false } });
            pane.current?.querySelector<HTMLElement>('.jp-AppBuilder-drawerButton')?.focus();
          }}
        />
      )}
    </section>
  );
}

/** The requests by which an app's database is shown; null where it has none, or nobody knows yet (`known`). */
function useAsks(
  { database, databaseRows, downloadRows, changeRow, queryDatabase }: Partial<Asks>,
  ready: boolean
): { known: boolean; data: Asks | null } {
  const [has, setHas] = React.useState<boolean | null>(null);
  React.useEffect(() => {
    if (ready && !has) {
      database?.().then(
        found => setHas(found !== null),
        (error: unknown) => setHas(RequestFailed.from(error).reason !== 'unreachable' || null) // its page says what is wrong
      );
    }
  }, [ready, has, database]);
  return React.useMemo(
    () => ({
      known: has !== null,
      data:
        has && database && databaseRows && downloadRows && changeRow && queryDatabase
          ? { database, databaseRows, downloadRows, changeRow, queryDatabase }
          : null
    }),
    [has, database, databaseRows, downloadRows, changeRow, queryDatabase]
  );
}

/** The requests by which a file of data comes into the app; null where none can be sent. */
function useFiles({ datasets, beginUpload, sendPart, upload, takeUpload, dropUpload }: Requests): FileAsks | null {
  return React.useMemo(
    () =>
      datasets && beginUpload && sendPart && upload && takeUpload && dropUpload
        ? { datasets, beginUpload, sendPart, upload, takeUpload, dropUpload }
        : null,
    [datasets, beginUpload, sendPart, upload, takeUpload, dropUpload]
  );
}

/** What else is asked of an app whose server is given secrets, and of one that has functions. */
function useInside(
  { functions, callFunction, secrets, setSecret, removeSecret, layout, changeLayout }: Requests,
  has: boolean
): { functions: FunctionAsks | null; secrets: SecretAsks | null; layout: LayoutAsks | null } {
  const [takes, setTakes] = React.useState(false);
  React.useEffect(() => {
    if (has && !takes) {
      secrets?.().then(
        told => setTakes(told.takes),
        () => undefined // its page says what is wrong
      );
    }
  }, [has, takes, secrets]);
  const [calls, setCalls] = React.useState(false);
  React.useEffect(() => {
    if (takes) {
      functions?.().then(
        found => setCalls(found !== null),
        () => setCalls(true) // its page says what is wrong
      );
    }
  }, [takes, functions]);
  return React.useMemo(
    () => ({
      functions: calls && functions && callFunction ? { functions, callFunction } : null,
      secrets: takes && secrets && setSecret && removeSecret ? { secrets, setSecret, removeSecret } : null,
      layout: calls && layout && changeLayout ? { layout, changeLayout } : null
    }),
    [takes, calls, functions, callFunction, secrets, setSecret, removeSecret, layout, changeLayout]
  );
}

function Waiting({
  state,
  message,
  log,
  fraction,
  children
}: {
  state: string;
  message: string;
  log: string;
  fraction: number | null;
  children: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const titles: Record<string, string> = {
    stopped: trans.__('The preview is getting ready'),
    starting: trans.__('Starting the app'),
    ready: trans.__('Opening the app'),
    off: trans.__('The preview is not running'),
    asleep: trans.__('The preview is asleep'),
    failed: trans.__('The app could not start')
  };
  return (
    <div className="jp-AppBuilder-waiting" role={state === 'failed' ? 'alert' : 'status'}>
      <h2>{titles[state] ?? titles['stopped']}</h2>
      {state === 'failed' ? (
        <pre className="jp-AppBuilder-problem" tabIndex={0} role="group" aria-label={trans.__('Error')}>
          {message}
          {log ? `\n\n${log}` : ''}
        </pre>
      ) : state === 'asleep' ? (
        <p>{trans.__('It was not used for a while. Your files are kept.')}</p>
      ) : state === 'off' ? null : (
        <Progress message={message || trans.__('One moment…')} fraction={fraction} />
      )}
      {children}
    </div>
  );
}

/** What helps where the app could not start. */
function Remedies({
  busy,
  onFix,
  onRestart
}: {
  busy: boolean;
  /** None where the agent cannot help, or nothing can be written. */
  onFix: (() => void) | null;
  onRestart: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <>
      {onFix && (
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-primary"
          title={
            busy
              ? trans.__('A request is running: it sees this error too.')
              : trans.__('Puts it into your request; you send it')
          }
          onClick={onFix}
        >
          <Icon name="wrench" />
          {trans.__('Fix it')}
        </button>
      )}
      <button type="button" className="jp-AppBuilder-button" onClick={onRestart}>
        {onFix ? trans.__('Restart') : trans.__('Try again')}
      </button>
    </>
  );
}

/** The room that an element has for what is in it, followed. */
function useRoom(ref: React.RefObject<HTMLElement>): { width: number; height: number } {
  const [room, setRoom] = React.useState({ width: 0, height: 0 });
  React.useEffect(() => {
    const observer = new ResizeObserver(entries => {
      const { width = 0, height = 0 } = entries[entries.length - 1]?.contentRect ?? {};
      setRoom({ width, height });
    });
    if (ref.current) {
      observer.observe(ref.current);
    }
    return () => observer.disconnect();
  }, [ref]);
  return room;
}
