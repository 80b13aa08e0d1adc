// What components import as "app": the app's functions and its addresses.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';

export { useAccount } from './account';

export class CallError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly body: unknown,
  ) {
    super(message);
    this.name = 'CallError';
  }
}

export interface CallOptions {
  method?: string;
  query?: Record<string, unknown>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let denied = () => {};

/** Be told when the server answers that somebody has to log in. */
export function whenDenied(heard: () => void) {
  denied = heard;
}

/** Call a function of the app: `await call("tasks", { method: "POST", body: { title } })`. What it returned. */
export async function call(name: string, { method, query, body, headers, signal }: CallOptions = {}): Promise<unknown> {
  const url = new URL(`api/${name}`, document.baseURI);
  for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined && value !== null) url.searchParams.set(key, String(value));
  const raw = body instanceof FormData || body instanceof Blob || typeof body === 'string';
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(body !== undefined && !raw ? { 'content-type': 'application/json' } : {}), ...headers },
    body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
  const text = await response.text();
  let value: unknown = text;
  if (response.headers.get('content-type')?.includes('json')) {
    try {
      value = text ? JSON.parse(text) : null;
    } catch {
      // its words are told as they are
    }
  }
  if (!response.ok) {
    if (response.status === 401) denied();
    const told = typeof value === 'object' && value !== null ? (value as { detail?: unknown; error?: unknown }) : {};
    const message = [told.detail, told.error, typeof value === 'string' ? value : ''].find((one) => typeof one === 'string' && one);
    throw new CallError(typeof message === 'string' && message.length < 1000 ? message : `${name} answered ${response.status}.`, response.status, value);
  }
  return response.status === 204 ? undefined : value;
}

// What was asked for again: by name of the function

let asked = 0;
const refreshed = new Map<string, number>();
const watching = new Set<() => void>();

/** Ask anew for what `useCall` shows of these functions; without names, of all. */
export function refresh(...names: string[]) {
  asked += 1;
  for (const name of names.length ? names : ['']) refreshed.set(name, asked);
  for (const heard of watching) heard();
}

function subscribe(heard: () => void) {
  watching.add(heard);
  return () => watching.delete(heard);
}

export interface Called<T> {
  data: T | undefined;
  error: Error | null;
  loading: boolean;
  reload: () => void;
}

/** What a function answers, asked for when the component appears and after `refresh(name)`. `null`: ask for nothing. */
export function useCall(name: string | null, options: CallOptions = {}): Called<unknown> {
  const [state, setState] = useState<{ data: unknown; error: Error | null; loading: boolean }>({ data: undefined, error: null, loading: true });
  const version = useSyncExternalStore(subscribe, () => Math.max(refreshed.get(name ?? '') ?? 0, refreshed.get('') ?? 0));
  const key = JSON.stringify([name, options.method, options.query, options.body]);
  useEffect(() => {
    if (name === null) return;
    const given = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    call(name, { ...options, signal: given.signal }).then(
      (data) => !given.signal.aborted && setState({ data, error: null, loading: false }),
      (error: unknown) =>
        !given.signal.aborted &&
        setState((before) => ({ data: before.data, error: error instanceof Error ? error : new Error(String(error)), loading: false })),
    );
    return () => given.abort();
    // `key` holds what of the options counts
  }, [key, version]);
  const reload = useCallback(() => refresh(...(name === null ? [] : [name])), [name]);
  return { ...state, reload };
}

// WebSockets

const AGAIN_MS = [300, 10_000] as const; // before it is opened again, at first and at most
const ERROR = 1011;

/** A WebSocket to a function that exports `socket`, open while the component is there, and opened again by itself where
 * it closes other than on purpose. `null`: open none. */
export function useSocket(
  name: string | null,
  onMessage: (data: any) => void = () => {},
  { query }: { query?: Record<string, unknown> } = {},
): { open: boolean; send: (data: unknown) => boolean } {
  const [open, setOpen] = useState(false);
  const heard = useRef(onMessage);
  heard.current = onMessage;
  const current = useRef<WebSocket | null>(null);
  const key = JSON.stringify([name, query]);
  useEffect(() => {
    if (name === null) return;
    const url = new URL(`api/${name}`, document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    for (const [one, value] of Object.entries(query ?? {})) if (value !== undefined && value !== null) url.searchParams.set(one, String(value));
    let wait: number = AGAIN_MS[0];
    let timer = 0;
    let left = false;
    const connect = () => {
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      current.current = socket;
      socket.onopen = () => {
        wait = AGAIN_MS[0];
        setOpen(true);
      };
      socket.onmessage = ({ data }) => heard.current(data);
      socket.onclose = ({ code, reason }) => {
        if (left) return;
        setOpen(false);
        if (code === ERROR && reason) console.error(`The WebSocket ${name} was closed: ${reason}`);
        if (code === 1000 || code >= 3000) return;
        timer = window.setTimeout(connect, wait);
        wait = Math.min(2 * wait, AGAIN_MS[1]);
      };
    };
    connect();
    return () => {
      left = true;
      clearTimeout(timer);
      current.current?.close();
      setOpen(false);
    };
    // `key` holds what counts
  }, [key]);
  const send = useCallback((data: unknown) => {
    const socket = current.current;
    if (socket?.readyState !== WebSocket.OPEN) return false;
    const raw = typeof data === 'string' || data instanceof Blob || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
    socket.send(raw ? (data as string) : JSON.stringify(data));
    return true;
  }, []);
  return { open, send };
}

// Addresses: `#/tasks/7`, so that an app runs below any path

function place(): string {
  const hash = location.hash.replace(/^#/, '');
  return hash.startsWith('/') ? hash : '/';
}

function moved(heard: () => void) {
  addEventListener('hashchange', heard);
  return () => removeEventListener('hashchange', heard);
}

/** Go to a page of the app: `navigate("/tasks/7")`. */
export function navigate(to: string) {
  location.hash = to.startsWith('/') ? to : `/${to}`;
}

/** The address of the page that is shown: `/tasks/7`, and what stands behind its `?`. */
export function useLocation(): { path: string; query: Record<string, string> } {
  const whole = useSyncExternalStore(moved, place);
  const [path = '/', search = ''] = whole.split('?');
  return { path, query: Object.fromEntries(new URLSearchParams(search)) };
}

// Short messages

const saying = new Set<(text: string, kind: 'info' | 'error') => void>();

/** Show a short message for some seconds. */
export function toast(text: string, kind: 'info' | 'error' = 'info') {
  for (const heard of saying) heard(text, kind);
}

export function onToast(heard: (text: string, kind: 'info' | 'error') => void) {
  saying.add(heard);
  return () => {
    saying.delete(heard);
  };
}
