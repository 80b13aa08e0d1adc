/** What a request can name beside the app itself: files of the server, and variables of notebooks that are open. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISessionContext } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { Contents, Kernel } from '@jupyterlab/services';
import type { Widget } from '@lumino/widgets';
import type { Mention } from '../core/controls/surroundings';
import type { Translation } from '../core/controls/translation';

const MOST = 8; // of each kind
const PATIENCE = 1500; // ms that a kernel is waited for
const FRESH = 2000; // ms for which what a kernel told holds

/** Names and types of a kernel's own variables, as JSON in hexadecimal: Python quotes nothing in that. */
const VARIABLES = `__import__('json').dumps([[n, type(v).__name__] for n, v in list(globals().items())
 if not n.startswith('_') and n not in ('In', 'Out', 'app') and not callable(v)
 and type(v).__name__ != 'module'][:200]).encode().hex()`;

export function mentionsIn(app: JupyterFrontEnd, trans: Translation): (query: string) => Promise<readonly Mention[]> {
  return async query => {
    const [files, variables] = await Promise.all([
      filesOf(app, query, trans).catch(() => []),
      variablesOf(app, query, trans).catch(() => [])
    ]);
    return [...variables, ...files];
  };
}

async function filesOf(app: JupyterFrontEnd, query: string, trans: Translation): Promise<Mention[]> {
  const { contents } = app.serviceManager;
  const folder = query.includes('/') ? PathExt.dirname(query) : '';
  const name = PathExt.basename(query).toLowerCase();
  const listed = await contents.get(folder, { content: true });
  const entries = (listed.content as Contents.IModel[]).filter(one => one.name.toLowerCase().includes(name));
  return entries.slice(0, MOST).map(one =>
    one.type === 'directory'
      ? {
          kind: 'text',
          key: `folder ${one.path}`,
          label: `${one.path}/`,
          detail: trans.__('folder on the server'),
          icon: 'folder',
          text: `@${one.path}/`
        }
      : {
          kind: 'file',
          key: `server ${one.path}`,
          label: one.path,
          detail: one.type === 'notebook' ? trans.__('notebook, is attached') : trans.__('on the server, is attached'),
          icon: one.type === 'notebook' ? 'notebook' : 'attach',
          read: () => fileOf(contents, one.path)
        }
  );
}

/** A file of the server's, as one that was chosen. */
export async function fileOf(contents: Contents.IManager, path: string): Promise<File> {
  const found = await contents.get(path, { content: true, type: 'file', format: 'base64' });
  const bytes = Uint8Array.from(atob(String(found.content).replace(/\s/g, '')), letter => letter.charCodeAt(0));
  return new File([bytes], PathExt.basename(path), { type: found.mimetype });
}

async function variablesOf(app: JupyterFrontEnd, query: string, trans: Translation): Promise<Mention[]> {
  const sessions = new Map(
    Array.from(app.shell.widgets('main'), widget => sessionOf(widget)?.session ?? null)
      .filter(session => session !== null)
      .map(session => [session.kernel?.id ?? session.id, session])
  );
  const found = await Promise.all(
    Array.from(sessions.values(), async ({ kernel, path, name: title }) => {
      const known = kernel ? await variablesOfKernel(kernel) : [];
      const notebook = title || PathExt.basename(path);
      return known
        .filter(([name]) => name.toLowerCase().includes(query.toLowerCase()))
        .map(([name, type]): Mention => ({
          kind: 'text',
          key: `variable ${path} ${name}`,
          label: name,
          detail: trans.__('%1 in %2', type, notebook),
          icon: 'table',
          text: trans.__('`%1` (%2 in %3)', name, type, notebook)
        }));
    })
  );
  return found.flat().slice(0, MOST);
}

/** Of a notebook or another document, or of a console. */
function sessionOf(widget: Widget): ISessionContext | null {
  const session =
    widget instanceof DocumentWidget
      ? widget.context.sessionContext
      : (widget as { sessionContext?: ISessionContext }).sessionContext;
  return session && 'session' in session ? session : null;
}

interface Told {
  at: number; // 0 while it is asked
  variables: Promise<[string, string][]>;
}

const told = new WeakMap<Kernel.IKernelConnection, Told>();

/** A kernel is asked once for what is typed in one go: our own question makes it busy for the next letter. Of a kernel
 * that works, what it told before. */
function variablesOfKernel(kernel: Kernel.IKernelConnection): Promise<[string, string][]> {
  const last = told.get(kernel);
  const holds = last && (last.at === 0 || performance.now() - last.at < FRESH || kernel.status !== 'idle');
  if (holds) {
    return last.variables;
  }
  if (kernel.status !== 'idle') {
    return Promise.resolve([]);
  }
  const asked: Told = { at: 0, variables: Promise.resolve([]) };
  asked.variables = variables(kernel)
    .then(found => found ?? last?.variables ?? [])
    .finally(() => {
      asked.at = performance.now();
    });
  told.set(kernel, asked);
  return asked.variables;
}

/** Null where the kernel did not answer in time. */
async function variables(kernel: Kernel.IKernelConnection): Promise<[string, string][] | null> {
  if (!kernel.name.toLowerCase().includes('python')) {
    return [];
  }
  const asked = kernel.requestExecute({
    code: '',
    silent: true,
    store_history: false,
    allow_stdin: false,
    user_expressions: { names: VARIABLES.replace(/\n/g, '') }
  });
  const late = new Promise<null>(resolve => setTimeout(() => resolve(null), PATIENCE));
  const reply = await Promise.race([asked.done, late]);
  asked.dispose(); // a late answer is not waited for
  if (!reply) {
    return null;
  }
  const names = (reply.content as { user_expressions?: { names?: { data?: Record<string, string> } } } | undefined)
    ?.user_expressions?.names?.data?.['text/plain'];
  return fromHex(names ?? '');
}

/** Pairs of texts, from the hexadecimal letters of their JSON between quotes. */
export function fromHex(told: string): [string, string][] {
  const letters = /^'((?:[0-9a-f]{2})+)'$/.exec(told)?.[1] ?? '';
  const bytes = Uint8Array.from(letters.match(/../g) ?? [], pair => parseInt(pair, 16));
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(found)
      ? found.filter(
          (one): one is [string, string] =>
            Array.isArray(one) && one.length === 2 && one.every(part => typeof part === 'string' && part.length < 100)
        )
      : [];
  } catch {
    return [];
  }
}
