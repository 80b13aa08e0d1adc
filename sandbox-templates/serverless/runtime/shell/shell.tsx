// The page: reads the layout, loads its components, keeps what they show up to date.
import { useEffect, useMemo, useState, useSyncExternalStore, type ComponentType, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

import { ask, useAccount } from './account';
import { call, navigate, onToast, refresh, toast, useCall, useLocation } from './app';
import { Boundary, Box } from './boundary';
import { PARTS } from './parts';
import { AccountBar, Gate, Settings } from './sign-in';
import type { Action, Entry, Layout, Node, Page, State } from './state';

type Loaded = ComponentType<Record<string, unknown>>;
type Load = (name: string, entry: Entry) => Promise<{ default?: unknown }>;

const DEEPEST = 24;
const own = (value: object, name: string) => Object.hasOwn(value, name);

// Components, by their module's address: one that has not changed stays as it is

const modules = new Map<string, Promise<Loaded>>();

function loaded(name: string, entry: Entry, load: Load): Promise<Loaded> {
  const key = `${name} ${entry.module ?? ''}`;
  let found = modules.get(key);
  if (!found) {
    found = load(name, entry).then((module) => {
      if (typeof module.default !== 'function') throw new Error(`${entry.path} exports no component as its default.`);
      return module.default as Loaded;
    });
    modules.set(key, found);
    found.catch(() => modules.delete(key)); // tried again, e.g. when the network is back
  }
  return found;
}

function useComponent(name: string, entry: Entry | undefined, load: Load) {
  const [state, setState] = useState<{ key: string; Component?: Loaded; error?: Error }>({ key: '' });
  const key = entry?.failure ? '' : (entry?.module ?? '');
  useEffect(() => {
    if (!entry || !key) return;
    let given = true;
    if (entry.style) putStyle(`component ${name}`, entry.style);
    loaded(name, entry, load).then(
      (Component) => given && setState({ key, Component }),
      (error: unknown) => given && setState({ key, error: error instanceof Error ? error : new Error(String(error)) }),
    );
    return () => {
      given = false;
    };
  }, [key]);
  return state;
}

/** Puts a style sheet into the page, in place of the one of that name. */
function putStyle(name: string, address: string) {
  const href = new URL(address, document.baseURI).href;
  const before = [...document.querySelectorAll<HTMLLinkElement>('link[data-app-style]')].filter((one) => one.dataset.appStyle === name);
  if (before.some((one) => one.href === href)) return;
  const link = document.createElement('link');
  Object.assign(link, { rel: 'stylesheet', href });
  link.dataset.appStyle = name;
  link.onload = link.onerror = () => before.forEach((one) => one.remove());
  document.head.append(link);
}

// Bindings and actions

interface Scope {
  data: Record<string, unknown>;
  params: Record<string, string>;
  query: Record<string, string>;
  event?: unknown;
}

function resolved(value: unknown, scope: Scope, depth = 0): unknown {
  if (!value || typeof value !== 'object' || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((one) => resolved(one, scope, depth + 1));
  const names = Object.keys(value);
  if (names.length === 1 && names[0] === 'bind' && typeof (value as { bind: unknown }).bind === 'string') {
    return bound((value as { bind: string }).bind, scope);
  }
  return Object.fromEntries(names.map((name) => [name, resolved((value as Record<string, unknown>)[name], scope, depth + 1)]));
}

function bound(path: string, scope: Scope): unknown {
  const [first = '', ...rest] = path.split('.');
  let found: unknown =
    first === 'params' || first === 'query' || first === 'event' ? scope[first] : own(scope.data, first) ? scope.data[first] : undefined;
  for (const part of rest) {
    if (!found || typeof found !== 'object' || !own(found, part)) return undefined;
    found = (found as Record<string, unknown>)[part];
  }
  return found;
}

/** Do what the layout says. Rejects where the function does, so that a form can say so. */
async function act(action: Action, scope: Scope): Promise<unknown> {
  let answer: unknown;
  if (action.call) {
    try {
      const body = own(action, 'body') ? resolved(action.body, scope) : action.method === 'GET' || action.method === 'DELETE' ? undefined : scope.event;
      answer = await call(action.call, {
        method: action.method ?? 'POST',
        query: resolved(action.query ?? {}, scope) as Record<string, unknown>,
        body: plain(body),
      });
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), 'error');
      throw error;
    }
    refresh(...(action.refresh ?? [action.call.split('?')[0] ?? '']));
  }
  if (action.say) toast(action.say);
  if (action.to) navigate(action.to);
  return answer;
}

/** What a component passes on may be a browser's event, which is no data. */
function plain(value: unknown): unknown {
  return value instanceof Event || (value as { nativeEvent?: unknown } | null | undefined)?.nativeEvent instanceof Event ? undefined : value;
}

// Drawing

interface Context {
  components: Record<string, Entry>;
  load: Load;
  scope: Scope;
}

function Drawn({ node, context, depth }: { node: Node; context: Context; depth: number }) {
  const name = typeof node?.component === 'string' ? node.component : '';
  const entry = own(context.components, name) ? context.components[name] : undefined;
  const { Component, error, key } = useComponent(name, entry, context.load);
  const props = useMemo(() => resolved(node?.props ?? {}, context.scope) as Record<string, unknown>, [node?.props, context.scope]);
  const actions = useMemo(
    () =>
      Object.fromEntries(
        Object.entries(node?.on ?? {}).map(([prop, action]) => [
          prop,
          (event: unknown) => {
            const done = act(action, { ...context.scope, event });
            done.catch(() => {}); // told already; whoever waits for it hears of it, too
            return done;
          },
        ]),
      ),
    [node?.on, context.scope],
  );
  if (depth > DEEPEST) return <Box title={`This lies more than ${DEEPEST} components deep.`} />;
  if (!name) return <Box title="A part of the layout names no component." />;
  const children = node.children?.map((child, at) => <Slot key={keyOf(child, at)} node={child} context={context} depth={depth + 1} />);
  const Part = entry ? undefined : PARTS.get(name);
  const given = { ...props, ...actions };
  if (Part) {
    return <Part {...given}>{children}</Part>;
  }
  if (!entry) {
    const known = [...Object.keys(context.components), ...PARTS.keys()];
    return (
      <Box title={`There is no component ${name}.`}>
        <p>
          Write components/{name.slice(0, 60)}.tsx, or use one of these: {known.slice(0, 30).join(', ')}.
        </p>
      </Box>
    );
  }
  if (entry.failure) {
    return (
      <Box title={`${name} could not be compiled.`}>
        <p>{entry.failure.message}</p>
        <pre>
          {entry.failure.source}
          {'\n'}
          {entry.failure.frame}
        </pre>
      </Box>
    );
  }
  if (error && key === entry.module) {
    throw error;
  }
  return Component ? <Component {...given}>{children}</Component> : null;
}

function keyOf(node: Node, at: number) {
  return `${node?.id ?? ''} ${node?.component ?? ''} ${at}`;
}

function Slot(props: { node: Node; context: Context; depth: number }) {
  const { node, context } = props;
  const name = String(node?.component ?? '');
  const version = own(context.components, name) ? (context.components[name]?.module ?? '') : JSON.stringify(node?.props ?? null);
  return (
    <Boundary name={name} version={version}>
      <Drawn {...props} />
    </Boundary>
  );
}

function Region({ name, nodes, context }: { name: string; nodes: Node[] | undefined; context: Context }) {
  if (!Array.isArray(nodes) || !nodes.length) return null;
  return <div className={`app-region app-${name}`}>{nodes.slice(0, 200).map((node, at) => <Slot key={keyOf(node, at)} node={node} context={context} depth={1} />)}</div>;
}

// Pages

function matched(layout: Layout, path: string): { page: Page; params: Record<string, string> } | null {
  const parts = path.split('/').filter(Boolean);
  for (const page of layout.pages) {
    const wanted = String(page?.path ?? '').split('/').filter(Boolean);
    if (wanted.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = wanted.every((part, at) => {
      if (!part.startsWith(':')) return part === parts[at];
      try {
        params[part.slice(1)] = decodeURIComponent(parts[at] ?? '');
      } catch {
        params[part.slice(1)] = parts[at] ?? '';
      }
      return true;
    });
    if (fits) return { page, params };
  }
  return null;
}

interface Answers {
  data: Record<string, unknown>;
  errors: Record<string, Error>;
}

/** Asks for one binding of a page. Draws nothing: each has a hook of its own, however many there are. */
function Source({ name, source, scope, onAnswer }: { name: string; source: { call: string; query?: Record<string, unknown> }; scope: Scope; onAnswer: (name: string, data: unknown, error: Error | null) => void }) {
  const { data, error } = useCall(source.call, { query: resolved(source.query ?? {}, scope) as Record<string, unknown> });
  useEffect(() => onAnswer(name, data, error), [data, error]);
  return null;
}

function Shown({ page, params, query, state, load }: { page: Page; params: Record<string, string>; query: Record<string, string>; state: State; load: Load }) {
  const [{ data, errors }, setAnswers] = useState<Answers>({ data: {}, errors: {} });
  const place = JSON.stringify([params, query]);
  const scope = useMemo<Scope>(() => ({ data, params, query }), [data, place]);
  const context = useMemo<Context>(() => ({ components: state.components, load, scope }), [state.components, load, scope]);
  function answered(name: string, value: unknown, error: Error | null) {
    setAnswers((before) => {
      const failed = { ...before.errors };
      if (error) failed[name] = error;
      else delete failed[name];
      return { data: value === undefined ? before.data : { ...before.data, [name]: value }, errors: failed };
    });
  }
  return (
    <>
      {Object.entries(page.data ?? {}).map(([name, source]) => (
        <Source key={name} name={name} source={source} scope={scope} onAnswer={answered} />
      ))}
      {Object.entries(errors).map(([name, error]) => (
        <div key={name} role="alert" className="app-box app-box-bad">
          <p>{error.message}</p>
          <button type="button" className="app-button app-button-outline" onClick={() => refresh()}>
            Try again
          </button>
        </div>
      ))}
      <Region name="top" nodes={page.top} context={context} />
      <div className={page.aside?.length ? 'app-body app-with-aside' : 'app-body'}>
        <Region name="main" nodes={page.main} context={context} />
        <Region name="aside" nodes={page.aside} context={context} />
      </div>
      <Region name="bottom" nodes={page.bottom} context={context} />
    </>
  );
}

function storedTheme(): string | null {
  try {
    return localStorage.getItem('theme');
  } catch {
    return null; // Storage can be forbidden: the theme then lasts as long as the page.
  }
}

function Theme() {
  const [chosen, setChosen] = useState(storedTheme);
  const system = useSyncExternalStore(
    (heard) => {
      const query = matchMedia('(prefers-color-scheme: dark)');
      query.addEventListener('change', heard);
      return () => query.removeEventListener('change', heard);
    },
    () => matchMedia('(prefers-color-scheme: dark)').matches,
  );
  const dark = chosen ? chosen === 'dark' : system;
  useEffect(() => {
    document.documentElement.classList.toggle('dark', dark);
    document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
  }, [dark]);
  function toggle() {
    const next = dark ? 'light' : 'dark';
    try {
      localStorage.setItem('theme', next);
    } catch {
      // see above
    }
    setChosen(next);
  }
  return (
    <button type="button" className="app-theme" aria-label={`Switch to the ${dark ? 'light' : 'dark'} theme`} onClick={toggle}>
      {dark ? '☀' : '☾'}
    </button>
  );
}

function Toasts() {
  const [said, setSaid] = useState<{ id: number; text: string; kind: string }[]>([]);
  useEffect(() => {
    let count = 0;
    return onToast((text, kind) => {
      const id = ++count;
      setSaid((before) => [...before.slice(-3), { id, text, kind }]);
      setTimeout(() => setSaid((before) => before.filter((one) => one.id !== id)), 5000);
    });
  }, []);
  return (
    <div className="app-toasts" role="status">
      {said.map(({ id, text, kind }) => (
        <p key={id} className={kind === 'error' ? 'app-toast app-toast-bad' : 'app-toast'}>
          {text}
        </p>
      ))}
    </div>
  );
}

function Problems({ state }: { state: State }) {
  if (!state.problems.length) return null;
  return (
    <Box title="ui.json does not fit the app">
      <ul>
        {state.problems.slice(0, 10).map(({ at, message }, number) => (
          <li key={number}>
            {at ? <code>{at}</code> : null} {message}
          </li>
        ))}
      </ul>
    </Box>
  );
}

function App({ store, load }: { store: Store; load: Load }) {
  const state = useSyncExternalStore(store.subscribe, store.current);
  const { path, query } = useLocation();
  const { layout } = state;
  const { user } = useAccount();
  const accounts = !!layout?.accounts;
  useEffect(() => {
    if (accounts) void ask();
  }, [accounts]);
  const found = layout ? matched(layout, path) : null;
  const title = found?.page.title ? `${found.page.title} · ${layout?.title ?? ''}` : (layout?.title ?? 'App');
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    if (state.style) putStyle('app', state.style);
  }, [state.style]);
  if (!layout) return <main className="app-page">{<Problems state={state} />}</main>;
  return (
    <>
      <header className="app-header">
        <a className="app-name" href="#/">
          {layout.title}
        </a>
        <nav aria-label="Pages">
          {(layout.navigation ?? []).map(({ label, to }) => (
            <a key={to} href={`#${to}`} aria-current={to === path ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
        {layout.accounts ? <AccountBar /> : null}
        <Theme />
      </header>
      <main className="app-page">
        <Problems state={state} />
        {found ? (
          <Settings.Provider value={layout.accounts ?? null}>
            <Gate closed={found.page.needs === 'user'}>
              <Shown key={`${user?.id} ${found.page.path}`} page={found.page} params={found.params} query={query} state={state} load={load} />
            </Gate>
          </Settings.Provider>
        ) : (
          <Box title="There is no such page.">
            <p>
              <a href="#/">To the first page</a>
            </p>
          </Box>
        )}
      </main>
      <Toasts />
    </>
  );
}

interface Store {
  subscribe: (heard: () => void) => () => void;
  current: () => State;
  set: (state: State) => void;
}

function storeOf(state: State): Store {
  let now = state;
  const heard = new Set<() => void>();
  return {
    subscribe(one): () => void {
      heard.add(one);
      return () => heard.delete(one);
    },
    current: () => now,
    set(next) {
      now = next;
      for (const one of heard) one();
    },
  };
}

/** Follow the server's changes. The proxy knows this protocol: it keeps the socket while the app sleeps. */
function follow(store: Store, since: string) {
  let version = since;
  const url = new URL('_app/updates', document.baseURI).href.replace(/^http/, 'ws');
  const open = () => {
    const socket = new WebSocket(url, 'vite-hmr');
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as { type: string; version?: string; state?: State; data?: boolean };
      if (message.state && message.version !== version) {
        version = message.version ?? '';
        store.set(message.state);
      }
      if (message.data) refresh();
    };
    socket.onclose = () => setTimeout(open, 1000);
  };
  open();
}

export function start({ state, load, version }: { state: State; load?: Load; version?: string }) {
  const store = storeOf(state);
  const byAddress: Load = (_name, entry) => import(/* @vite-ignore */ new URL(entry.module ?? '', document.baseURI).href) as Promise<{ default?: unknown }>;
  createRoot(document.getElementById('root')!).render((<App store={store} load={load ?? byAddress} />) as ReactNode);
  if (version !== undefined) follow(store, version);
}
