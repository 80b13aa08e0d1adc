// Written by App Builder with the functions. It is written anew with them: change nothing here.

/** The functions of the person's notebook. The files beside this one each add theirs, with what it takes. */
export interface Functions {}

export type FunctionName = keyof Functions & string;
export type ArgumentsOf<Name extends FunctionName> = Functions[Name] extends { arguments: infer Given } ? Given : never;
export type ResultOf<Name extends FunctionName> = Functions[Name] extends { result: infer Result } ? Result : never;

/** Why a call came to nothing, in words for people. */
export class PythonError extends Error {
  /** `no_kernel`: the notebook does not run. `busy`: ask again. `declined`: the function says so. Else a fault. */
  readonly reason: string;
  readonly status: number;

  constructor(message: string, reason: string, status: number) {
    super(message);
    this.name = "PythonError";
    this.reason = reason;
    this.status = status;
  }

  /** Whether the same call may work later. */
  get passing(): boolean {
    return this.status === 503 || this.status === 0;
  }
}

const NOT_HERE = "This needs the notebook that the app was made in, and works in its preview in Jupyter alone.";

/**
 * Call a function of the notebook: `await callPython("forecast", { region: "North" })`. A frame comes as a list of
 * rows. Rejects with a `PythonError`.
 */
export async function callPython<Name extends FunctionName>(
  name: Name,
  ...[given, options]: {} extends ArgumentsOf<Name>
    ? [given?: ArgumentsOf<Name>, options?: { signal?: AbortSignal }]
    : [given: ArgumentsOf<Name>, options?: { signal?: AbortSignal }]
): Promise<ResultOf<Name>> {
  return (await call(name, given ?? {}, options?.signal)) as ResultOf<Name>;
}

async function call(name: string, given: object, signal?: AbortSignal): Promise<unknown> {
  const inPage = typeof location !== "undefined";
  const { status, form, body } = await (inPage ? fetched : carried)(name, JSON.stringify(given), signal);
  if (status === 200 && form === "parquet") {
    const { readTable } = await import("../datasets/parquet-reader.js");
    return (await readTable<Record<string, unknown>>(body)).rows;
  }
  const answer = form === "json" ? parsed(body) : null;
  if (answer && "value" in answer) return answer.value;
  if (!answer?.error) throw new PythonError(NOT_HERE, "no_notebook", status);
  const { message, hint, reason } = answer.error;
  const error = new PythonError(`${message} ${hint ?? ""}`.trim(), reason, status);
  if (!error.passing && reason !== "declined") console.error(error.message);
  throw error;
}

interface Returned {
  status: number;
  form: string;
  body: ArrayBuffer;
}

/** What a page is answered. */
async function fetched(name: string, given: string, signal?: AbortSignal): Promise<Returned> {
  try {
    const response = await fetch(`@BASE@__appbuilder/python/${encodeURIComponent(name)}`, {
      method: "POST",
      body: given, // as text/plain, which asks no leave first
      signal: signal ?? null,
    });
    const type = response.headers.get("Content-Type") ?? "";
    const rows = type.startsWith("application/vnd.apache.parquet");
    const form = rows ? "parquet" : type.startsWith("application/json") ? "json" : "";
    return { status: response.status, form, body: await response.arrayBuffer() };
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new PythonError("Jupyter cannot be reached.", "unreachable", 0);
  }
}

/** Of the app's own server in its preview: what carries its calls. Returns what cancels one. */
type Carry = (
  name: string,
  given: string,
  done: (answer: { status: number; form: string; body: Uint8Array }) => void,
) => () => void;

/** What the app's own server is answered. */
function carried(name: string, given: string, signal?: AbortSignal): Promise<Returned> {
  const { appPython } = globalThis as { appPython?: Carry };
  if (!appPython) return Promise.resolve({ status: 503, form: "", body: new ArrayBuffer(0) });
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const cancel = appPython(name, given, ({ status, form, body }) =>
      resolve({ status, form, body: Uint8Array.from(body).buffer }),
    );
    signal?.addEventListener("abort", () => {
      cancel();
      reject(signal.reason as Error);
    });
  });
}

interface Answer {
  value?: unknown;
  error?: { message: string; hint?: string; reason: string };
}

function parsed(body: ArrayBuffer): Answer | null {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof answer === "object" ? answer : null;
  } catch {
    return null;
  }
}

// A call as a page shows it, asked again while the notebook does not run

/** A function's answer as a page has it. */
export interface PythonState<Result> {
  /** The last answer; undefined before the first. */
  readonly data: Result | undefined;
  /** True while nothing is there to show: no answer, no error. */
  readonly loading: boolean;
  /** Why the last call came to nothing. */
  readonly error: PythonError | null;
  /** True if `data` is of an earlier call, of the same arguments or of those before: say so beside it. */
  readonly stale: boolean;
}

export interface PythonSource<Result> {
  subscribe(listener: () => void): () => void;
  current(): PythonState<Result>;
  /** Call it again. */
  reload(): void;
}

const AGAIN = [2_000, 30_000] as const; // milliseconds until the next try, at first and at most
const KEPT = 50; // answers
const answers = new Map<string, unknown>();
const sources = new Map<string, Source>();

class Source {
  private readonly key: string;
  private readonly name: string;
  private readonly given: object;
  private state: PythonState<unknown>;
  private readonly listeners = new Set<() => void>();
  private ending: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pause: number = AGAIN[0];

  constructor(key: string, name: string, given: object) {
    this.key = key;
    this.name = name;
    this.given = given;
    const known = answers.has(key);
    this.state = { data: answers.get(key), loading: !known, error: null, stale: known };
  }

  readonly current = (): PythonState<unknown> => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.reload();
    return () => {
      this.listeners.delete(listener);
      // In a moment: a component that renders again leaves and comes back.
      if (!this.listeners.size) setTimeout(() => !this.listeners.size && this.end());
    };
  };

  readonly reload = (): void => {
    this.ending?.abort();
    clearTimeout(this.timer);
    const ending = (this.ending = new AbortController());
    call(this.name, this.given, ending.signal).then(
      (data) => {
        if (ending.signal.aborted) return;
        this.pause = AGAIN[0];
        keep(this.key, data);
        this.set({ data, loading: false, error: null, stale: false });
      },
      (error: unknown) => {
        if (ending.signal.aborted) return;
        const failed = error instanceof PythonError ? error : new PythonError(String(error), "failed", 500);
        const known = answers.has(this.key);
        this.set({ data: answers.get(this.key), loading: false, error: failed, stale: known });
        if (!failed.passing) return;
        this.timer = setTimeout(this.reload, this.pause);
        this.pause = Math.min(2 * this.pause, AGAIN[1]);
      },
    );
  };

  private set(state: PythonState<unknown>): void {
    this.state = state;
    for (const listener of [...this.listeners]) listener();
  }

  private end(): void {
    this.ending?.abort();
    clearTimeout(this.timer);
    sources.delete(this.key);
  }
}

function keep(key: string, data: unknown): void {
  answers.delete(key);
  answers.set(key, data);
  const [oldest] = answers.keys();
  if (answers.size > KEPT && oldest !== undefined) answers.delete(oldest);
}

/** One call that components share: of a name and the same arguments there is one. */
export function pythonSource<Name extends FunctionName>(
  name: Name,
  given: ArgumentsOf<Name>,
): PythonSource<ResultOf<Name>> {
  const key = `${name} ${JSON.stringify(given)}`;
  let source = sources.get(key);
  if (!source) sources.set(key, (source = new Source(key, name, given as object)));
  return source as PythonSource<ResultOf<Name>>;
}
