// Written by App Builder with the functions. It is written anew with them: change nothing here.

/** Why a call came to nothing, in words for people. */
export class PythonError extends Error {
  /**
   * @param {string} message
   * @param {string} reason `no_kernel`: the notebook does not run. `busy`: ask again. `declined`: the function says so.
   * @param {number} status
   */
  constructor(message, reason, status) {
    super(message);
    this.name = "PythonError";
    this.reason = reason;
    this.status = status;
  }

  /** Whether the same call may work later. */
  get passing() {
    return this.status === 503 || this.status === 0;
  }
}

const NOT_HERE = "This needs the notebook that the app was made in, and works in its preview in Jupyter alone.";

/**
 * Call a function of the notebook: `await callPython("forecast", { region: "North" })`. A frame comes as a list of
 * rows. Rejects with a `PythonError`.
 * @param {string} name
 * @param {object} [given]
 * @param {{ signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function callPython(name, given = {}, { signal } = {}) {
  let response, body;
  try {
    response = await fetch(new URL(`../../__appbuilder/python/${encodeURIComponent(name)}`, import.meta.url), {
      method: "POST",
      body: JSON.stringify(given), // as text/plain, which asks no leave first
      signal: signal ?? null,
    });
    body = await response.arrayBuffer();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new PythonError("Jupyter cannot be reached.", "unreachable", 0);
  }
  const type = response.headers.get("Content-Type") ?? "";
  if (response.ok && type.startsWith("application/vnd.apache.parquet")) {
    const { readTable } = await import("../datasets/parquet-reader.js");
    return (await readTable(body)).rows;
  }
  const answer = type.startsWith("application/json") ? parsed(body) : null;
  if (answer && "value" in answer) return answer.value;
  if (!answer?.error) throw new PythonError(NOT_HERE, "no_notebook", response.status);
  const { message, hint, reason } = answer.error;
  const error = new PythonError(`${message} ${hint ?? ""}`.trim(), reason, response.status);
  if (!error.passing && reason !== "declined") console.error(error.message);
  throw error;
}

/**
 * @param {ArrayBuffer} body
 * @returns {any}
 */
function parsed(body) {
  try {
    const answer = JSON.parse(new TextDecoder().decode(body));
    return typeof answer === "object" ? answer : null;
  } catch {
    return null;
  }
}

const AGAIN = [2_000, 30_000]; // milliseconds until the next try, at first and at most

/**
 * Calls `draw` with a function's answer as it stands, `{ data, loading, error, stale }`, and again with each change. It
 * is asked again while the notebook does not run; `data` is the last answer meanwhile, and `stale` true.
 * @param {string} name
 * @param {object} given
 * @param {(state: { data: any, loading: boolean, error: PythonError | null, stale: boolean }) => void} draw
 * @returns {{ reload(given?: object): void, end(): void }} `reload` calls it again, with other arguments if they are given
 */
export function watchPython(name, given, draw) {
  /** @type {{ data: any, loading: boolean, error: PythonError | null, stale: boolean }} */
  let state = { data: undefined, loading: true, error: null, stale: false };
  let ending = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let pause = AGAIN[0];

  async function load() {
    ending.abort();
    clearTimeout(timer);
    const { signal } = (ending = new AbortController());
    try {
      const data = await callPython(name, given, { signal });
      if (signal.aborted) return;
      pause = AGAIN[0];
      state = { data, loading: false, error: null, stale: false };
    } catch (error) {
      if (signal.aborted) return;
      const failed = error instanceof PythonError ? error : new PythonError(String(error), "failed", 500);
      state = { ...state, loading: false, error: failed, stale: state.data !== undefined };
      if (failed.passing) timer = setTimeout(load, pause);
      pause = Math.min(2 * pause, AGAIN[1]);
    }
    draw(state);
  }

  draw(state);
  void load();
  return {
    reload(changed) {
      given = changed ?? given;
      void load();
    },
    end() {
      ending.abort();
      clearTimeout(timer);
    },
  };
}
