/** The server's REST interface (jupyter_appbuilder/server/openapi.yaml), through JupyterLab's own connection. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  Api,
  ApprovalRule,
  ConnectionCheck,
  Demo,
  ModelChoice,
  NewSession,
  SessionChange,
  AllowedHost,
  Place,
  SandboxChoice,
  PreviewAction,
  ProviderChoice,
  ProviderSettings,
  RowsRequest,
  AppAsTemplate,
  Setting,
  TemplateChoice,
  Looks,
  Transport,
  ScheduleTimes,
  Visits
} from '../core/wire/transport';
import type {
  ModelInfo,
  AppCopy,
  AppFunction,
  DatabaseAnswer,
  DatabaseRows,
  DatabaseSchema,
  Dataset,
  ExpectedFrames,
  FoundNotebook,
  FunctionCalled,
  Layout,
  Look,
  Pointed,
  PointedPicture,
  Styles,
  PublishingOverview,
  Readers,
  Refreshing,
  RefreshRun,
  Secrets,
  TakenUpload,
  Tool,
  ToolResult,
  UnsentAttachment,
  Upload
} from '../core/wire/api.generated';
import { saveFile } from '../core/controls/saving';
import { english, type Translation } from '../core/controls/translation';
import type { BudgetChanges, BudgetSettings, SessionUsage, UsageReport } from '../core/view/usage';
import { RequestFailed, type ErrorBody, type Summary } from '../core/wire/wire';
import { WebSocketChannel } from './channel';
import type { ModelReport } from '../core/pages/modelReport';
import type { SessionNotebook } from './merge';

export interface NotebookHold {
  /** The file it is about, relative to the Jupyter root. */
  notebook: string | null;
  /** The client held it before. */
  known: boolean;
  /** Of all who have it open, it was the first. */
  first: boolean;
}

export interface FromNotebook {
  path: string;
  prompt: string;
  template: string;
  model: string;
  private: boolean;
  leave_out: readonly string[];
  frames?: string;
}

type ProviderInfo = Pick<ProviderChoice, 'name'> & Partial<ProviderChoice>;

export class RestApi implements Api {
  /** Apps whose deletion was asked for: in no list from then on, though what runs in them takes a while to end. */
  private readonly removed = new Set<string>();
  /** The list of all apps that was read last. */
  private known: { text: string; list: Summary[] } = { text: '', list: [] };

  constructor(
    private readonly server: ServerConnection.ISettings,
    private readonly trans: Translation = english
  ) {}

  async sessions(search = ''): Promise<Summary[]> {
    const found = await this.json<Summary[]>('GET', 'sessions', undefined, search ? { search } : {});
    return found.filter(session => !this.removed.has(session.id));
  }

  async create(session: NewSession): Promise<Summary> {
    return this.json<Summary>('POST', 'sessions', session);
  }

  async apps(): Promise<Summary[]> {
    const text = await (await this.request('GET', 'sessions', undefined, { shelf: 'all', sizes: 'true' })).text();
    // Two thousand take a while to read, and seldom change.
    if (text !== this.known.text) {
      this.known = { text, list: JSON.parse(text) as Summary[] };
    }
    return this.known.list.filter(session => !this.removed.has(session.id));
  }

  async update(id: string, change: SessionChange): Promise<Summary> {
    return this.json<Summary>('PATCH', path('sessions', id), change);
  }

  async remove(id: string, files: boolean): Promise<void> {
    this.removed.add(id);
    try {
      await this.request('DELETE', path('sessions', id), undefined, { files: String(files) });
    } catch (error) {
      this.removed.delete(id);
      throw error;
    }
  }

  async models(): Promise<ModelChoice[]> {
    const found = await this.json<ModelInfo[]>('GET', 'models');
    return found
      .filter(info => info.configured)
      .map(({ id, title, provider, recorded, images }) => ({ id, title: title || id, provider, recorded, images }));
  }

  async testModel(model: string, signal: AbortSignal): Promise<ModelReport> {
    return (
      await this.request('POST', path('models', 'test'), { model }, {}, false, signal)
    ).json() as Promise<ModelReport>;
  }

  /** What somebody else's app is that was sent here; `copy` is the Hub's name for it. */
  async copy(copy: string): Promise<AppCopy> {
    return this.json<AppCopy>('GET', path('copies', copy));
  }

  /** Make an app of it. */
  async takeCopy(copy: string): Promise<Summary> {
    return this.json<Summary>('POST', path('copies', copy), {});
  }

  async templates(): Promise<TemplateChoice[]> {
    return this.json<TemplateChoice[]>('GET', 'templates');
  }

  async templatePicture(name: string): Promise<string> {
    return URL.createObjectURL(await (await this.request('GET', path('templates', name, 'picture'))).blob());
  }

  async addTemplate(source: string, signal: AbortSignal): Promise<TemplateChoice> {
    const answer = await this.request('POST', 'templates', { source }, {}, false, signal);
    return (await answer.json()) as TemplateChoice;
  }

  async removeTemplate(name: string): Promise<void> {
    await this.request('DELETE', path('templates', name));
  }

  async templateOf(session: string): Promise<AppAsTemplate> {
    return this.json<AppAsTemplate>('GET', path('sessions', session, 'template'));
  }

  async saveTemplate(session: string, title: string, summary: string): Promise<TemplateChoice> {
    return this.json<TemplateChoice>('POST', path('sessions', session, 'template'), { title, summary });
  }

  async settings(): Promise<Setting[]> {
    return this.json<Setting[]>('GET', 'settings');
  }

  async sandboxes(): Promise<SandboxChoice[]> {
    return this.json<SandboxChoice[]>('GET', path('sandboxes', 'providers'));
  }

  async place(): Promise<Place> {
    return (await this.json<{ apps: Place }>('GET', 'health')).apps;
  }

  async tools(): Promise<Tool[]> {
    return this.json<Tool[]>('GET', path('tools'));
  }

  async demos(): Promise<Demo[]> {
    return this.json<Demo[]>('GET', 'demos');
  }

  async providers(): Promise<ProviderChoice[]> {
    const found = await this.json<ProviderInfo[]>('GET', 'providers');
    return found
      .filter(info => info.name !== 'demo')
      .map(info => ({
        name: info.name,
        title: info.title || info.name,
        base_url: info.base_url ?? '',
        configured: info.configured ?? false,
        local: info.local ?? false,
        native: info.native ?? false,
        key_source: info.key_source ?? '',
        keys_url: info.keys_url ?? '',
        stored: info.stored ?? false,
        problem: info.problem ?? null
      }));
  }

  async configure(provider: string, settings: ProviderSettings): Promise<void> {
    await this.request('PUT', path('providers', provider), settings);
  }

  async forget(provider: string): Promise<void> {
    await this.request('DELETE', path('providers', provider));
  }

  async testProvider(provider: string, model: string, signal: AbortSignal): Promise<ConnectionCheck> {
    const route = path('providers', provider, 'test');
    const answer = await this.request('POST', route, model === '' ? {} : { model }, {}, false, signal);
    return answer.json() as Promise<ConnectionCheck>;
  }

  async download(id: string, name: string): Promise<void> {
    const response = await this.request('GET', path('sessions', id, 'export'));
    saveFile(await response.blob(), `${name}.zip`);
  }

  async rules(session: string | null): Promise<ApprovalRule[]> {
    return this.json<ApprovalRule[]>('GET', rulesPath(session));
  }

  async setRule(rule: Pick<ApprovalRule, 'tool' | 'pattern' | 'action'>, session: string | null): Promise<void> {
    await this.request('POST', rulesPath(session), rule);
  }

  async removeRule(id: string, session: string | null): Promise<void> {
    await this.request('DELETE', `${rulesPath(session)}/${path(id)}`);
  }

  async usage(days: number): Promise<UsageReport> {
    return this.json<UsageReport>('GET', 'usage', undefined, { days: String(days) });
  }

  async setBudgets(changes: BudgetChanges): Promise<BudgetSettings> {
    return this.json<BudgetSettings>('PUT', path('usage', 'budgets'), changes);
  }

  async downloadUsage(days: number, format: 'csv' | 'json'): Promise<void> {
    const response = await this.request('GET', path('usage', 'requests'), undefined, { days: String(days), format });
    saveFile(await response.blob(), `app-builder-usage.${format}`);
  }

  /** What an app would be made of, if it were made of this notebook. */
  async foundIn(notebook: string): Promise<FoundNotebook> {
    return this.json<FoundNotebook>('GET', 'notebooks', undefined, { path: notebook });
  }

  /** Get ready for frames that a notebook's kernel holds. */
  async expectFrames(variables: readonly string[]): Promise<ExpectedFrames> {
    return this.json<ExpectedFrames>('POST', path('notebooks', 'frames'), { variables });
  }

  async createFromNotebook(wanted: FromNotebook): Promise<Summary> {
    return this.json<Summary>('POST', 'notebooks', wanted);
  }

  /** The session's notebook; with `after`, an event's number, only the cells that have changed since. */
  async notebook(id: string, after = 0): Promise<SessionNotebook> {
    return this.json<SessionNotebook>('GET', path('sessions', id, 'notebook'), undefined, { after: String(after) });
  }

  /** Tell the server that `client` has the session's notebook open, or closed it. `leaving`: the page goes away. */
  async holdNotebook(id: string, client: string, open: boolean, leaving = false): Promise<NotebookHold> {
    const route = path('sessions', id, 'notebook');
    return (await this.request('POST', route, { open, client }, {}, leaving)).json() as Promise<NotebookHold>;
  }

  readonly attach = async (name: string, content: Blob, picture: Blob | null): Promise<UnsentAttachment> => {
    const file = { name, content: await inBase64(content) };
    const body = picture ? { ...file, picture: await inBase64(picture) } : file;
    return this.json<UnsentAttachment>('POST', 'attachments', body);
  };

  transport(id: string): Transport {
    const at = (...parts: string[]): string => path('sessions', id, ...parts);
    const channel = new WebSocketChannel(this.server, at('channel'), this.trans, async () => {
      await this.request('GET', at());
    });
    return {
      watch: listener => channel.watch(listener),
      reconnect: () => channel.reconnect(),
      send: async (text, model, mode, attachments = [], pointed = [], after = '') => {
        const chosen = { ...(model ? { model } : {}), ...(mode ? { mode } : {}), ...(after ? { after } : {}) };
        const along = {
          ...(attachments.length > 0 ? { attachments } : {}),
          ...(pointed.length > 0 ? { pointed } : {})
        };
        await this.request('POST', at('messages'), { text, ...chosen, ...along });
      },
      point: async pointed => this.json<Pointed>('POST', at('pointed'), { pointed }),
      picturePointed: async pointed => {
        const taken = await this.json<PointedPicture>('POST', at('pointed', 'picture'), { pointed });
        const { picture: name, data, width, height } = taken;
        return { name, address: `data:image/png;base64,${data}`, width, height };
      },
      changeText: async (pointed, text) => {
        await this.request('POST', at('pointed', 'text'), { pointed, text });
      },
      styles: pointed => this.json<Styles>('POST', at('pointed', 'styles'), { pointed }),
      changeStyle: async (pointed, style) => {
        await this.request('POST', at('pointed', 'style'), { pointed, style });
      },
      accept: async (plan, text) => {
        await this.request('POST', at('plans', plan, 'accept'), text === undefined ? {} : { text });
      },
      stop: async () => {
        await this.request('POST', at('stop'), {});
      },
      retry: async () => {
        await this.request('POST', at('retry'), {});
      },
      goOn: async () => {
        await this.request('POST', at('continue'), {});
      },
      fork: async (point, text) =>
        this.json<Summary>('POST', at('fork'), text === undefined ? point : { ...point, text }),
      restore: async (checkpoint, data = true) => {
        await this.request('POST', at('restore'), { checkpoint, data });
      },
      nameVersion: async (checkpoint, name) => {
        await this.request('PUT', at('checkpoints', checkpoint, 'name'), { name });
      },
      diff: async checkpoint => (await this.request('GET', at('checkpoints', checkpoint, 'diff'))).text(),
      compare: async (from, to) => {
        const route = at('checkpoints', to, 'diff');
        return (await this.request('GET', route, undefined, { since: from })).text();
      },
      takePicture: async checkpoint => {
        await this.request('POST', at('checkpoints', checkpoint, 'picture'));
      },
      showVersion: async checkpoint => {
        await this.request('POST', at('checkpoints', checkpoint, 'preview'));
      },
      hideVersion: async checkpoint => {
        await this.request('DELETE', at('checkpoints', checkpoint, 'preview'));
      },
      tryScenarios: async names => {
        await this.request('POST', at('scenarios', 'try'), names ? { names } : {});
      },
      watchScenario: async name => {
        await this.request('POST', at('scenarios', name, 'watch'));
      },
      answerLook: async (number, viewer, answer) => {
        await this.request('POST', at('preview', 'looks'), { number, viewer, answer });
      },
      removeScenario: async name => {
        await this.request('DELETE', at('scenarios', name));
      },
      picture: async sha256 => {
        return URL.createObjectURL(await (await this.request('GET', at('pictures', sha256))).blob());
      },
      preview: async (action: PreviewAction) => {
        await this.request('POST', at('preview'), { action });
      },
      answer: async (approval, granted, remember) => {
        await this.request('POST', at('approvals', approval), { granted, remember });
      },
      hosts: async () => this.json<AllowedHost[]>('GET', at('network')),
      usage: async () => this.json<SessionUsage>('GET', at('usage')),
      raiseBudget: async amounts => this.json<SessionUsage>('POST', at('budget'), amounts),
      allowHost: async host => {
        await this.request('POST', at('network'), { host });
      },
      revokeHost: async host => {
        await this.request('DELETE', at('network', host));
      },
      database: async () => {
        const answer = await this.request('GET', at('database'));
        return answer.status === 204 ? null : ((await answer.json()) as DatabaseSchema);
      },
      databaseRows: async ({ table, page, size, filter, sort, descending }) => {
        const query = { ...chosen({ table, filter, sort, descending }), page: String(page), size: String(size) };
        return this.json<DatabaseRows>('GET', at('database', 'rows'), undefined, query);
      },
      downloadRows: async (request, signal) => {
        const route = at('database', 'csv');
        const response = await this.request('GET', route, undefined, chosen(request), false, signal);
        saveFile(await response.blob(), `${request.table}.csv`);
      },
      changeRow: async change => {
        await this.request('POST', at('database', 'rows'), change);
      },
      queryDatabase: async sql => this.json<DatabaseAnswer>('POST', at('database', 'query'), { sql }),
      datasets: async () => this.json<Dataset[]>('GET', at('datasets')),
      beginUpload: async (file, size) => this.json<Upload>('POST', at('datasets', 'uploads'), { file, size }),
      sendPart: async (upload, offset, part, signal) => {
        await this.request('PUT', at('datasets', 'uploads', upload), part, { offset: String(offset) }, false, signal);
      },
      upload: async upload => this.json<Upload>('GET', at('datasets', 'uploads', upload)),
      takeUpload: async (upload, wanted, signal) => {
        const answer = await this.request('POST', at('datasets', 'uploads', upload), wanted, {}, false, signal);
        return (await answer.json()) as TakenUpload;
      },
      dropUpload: async upload => {
        await this.request('DELETE', at('datasets', 'uploads', upload));
      },
      putAttachment: async (sha256, path) => {
        const wanted = { arguments: { file: sha256, path } };
        const did = await this.json<ToolResult>('POST', at('tools', 'put_attachment'), wanted);
        if (!did.ok) {
          throw new RequestFailed({ message: did.text, reason: 'not_changed' });
        }
      },
      transcript: async () => (await this.request('GET', at('transcript.html'))).text(),
      show: async (format, signal) => {
        return (await this.request('POST', at('preview', 'picture'), { format }, {}, false, signal)).blob();
      },
      screenshot: async ({ path: page, width, height, dark }) => {
        const look = { path: page, width, height, theme: dark ? 'dark' : 'light' };
        return (await this.request('POST', at('preview', 'screenshot'), look)).blob();
      },
      files: async () => (await this.json<{ path: string }[]>('GET', at('files'))).map(file => file.path),
      functions: async () => {
        const answer = await this.request('GET', at('functions'));
        return answer.status === 204 ? null : ((await answer.json()) as AppFunction[]);
      },
      callFunction: async request => this.json<FunctionCalled>('POST', at('functions', 'call'), request),
      layout: async () => {
        const answer = await this.request('GET', at('layout'));
        return answer.status === 204 ? null : ((await answer.json()) as Layout);
      },
      changeLayout: async patch => {
        const did = await this.json<ToolResult>('POST', at('tools', 'update_layout'), { arguments: { patch } });
        if (!did.ok) {
          throw new RequestFailed({ message: did.text, reason: 'not_changed' });
        }
      },
      secrets: async () => this.json<Secrets>('GET', at('secrets')),
      setSecret: async (name, value) => this.json<Secrets>('PUT', at('secrets', name), { value }),
      removeSecret: async name => {
        await this.request('DELETE', at('secrets', name));
      },
      publishing: async () => this.json<PublishingOverview>('GET', at('publishing')),
      publish: async order => {
        await this.request('POST', at('publishing'), order);
      },
      answerGate: async accepted => {
        await this.request('POST', at('publishing', 'answer'), { accepted });
      },
      cancelPublishing: async () => {
        await this.request('DELETE', at('publishing'));
      },
      unpublish: async target => {
        await this.request('DELETE', at('publications', target));
      },
      rollBack: async (target, number) => {
        await this.request('POST', at('publications', target, 'rollback'), { number });
      },
      visits: async target => this.json<Visits>('GET', at('publications', target, 'visits')),
      readers: async target => this.json<Readers>('GET', at('publications', target, 'readers')),
      setReaders: async (target, readers) => this.json<Readers>('PUT', at('publications', target, 'readers'), readers),
      looks: async () => this.json<Looks>('GET', at('looks')),
      addLook: async order => this.json<Look>('POST', at('looks'), order),
      removeLook: async look => {
        await this.request('DELETE', at('looks', look));
      },
      takeRelease: async (target, number) => {
        const response = await this.request('GET', at('publications', target, 'releases', String(number), 'file'));
        saveFile(await response.blob(), fileName(response) || `${target}-${number}.zip`);
      },
      refreshing: async () => this.json<Refreshing>('GET', at('refreshing')),
      scheduleTimes: async (cron, zone) =>
        this.json<ScheduleTimes>('GET', at('refreshing', 'times'), undefined, { cron, zone }),
      setSchedule: async wanted => this.json<Refreshing>('PUT', at('refreshing'), wanted),
      pauseSchedule: async paused => this.json<Refreshing>('PATCH', at('refreshing'), { paused }),
      removeSchedule: async () => {
        await this.request('DELETE', at('refreshing'));
      },
      startRefresh: async () => this.json<RefreshRun>('POST', at('refreshing', 'runs')),
      stopRefresh: async () => {
        await this.request('DELETE', at('refreshing', 'runs'));
      },
      refreshRun: async number => this.json<RefreshRun>('GET', at('refreshing', 'runs', String(number)))
    };
  }

  private async json<T>(method: string, route: string, body?: unknown, query: Record<string, string> = {}): Promise<T> {
    return (await (await this.request(method, route, body, query)).json()) as T;
  }

  private async request(
    method: string,
    route: string,
    body?: unknown,
    query: Record<string, string> = {},
    keepalive = false,
    signal: AbortSignal | null = null
  ): Promise<Response> {
    const url = URLExt.join(this.server.baseUrl, API, route) + URLExt.objectToQueryString(query);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, { method, keepalive, signal, ...content(body) }, this.server);
    } catch (error) {
      throw new RequestFailed({
        message: this.trans.__('The Jupyter server does not answer.'),
        reason: 'unreachable',
        hint: error instanceof Error ? error.message : ''
      });
    }
    if (!response.ok) {
      throw await failure(response, this.trans);
    }
    return response;
  }
}

export const API = 'appbuilder/api';

function rulesPath(session: string | null): string {
  return session === null ? 'rules' : path('sessions', session, 'rules');
}

function path(...parts: string[]): string {
  return parts
    .filter(part => part !== '')
    .map(encodeURIComponent)
    .join('/');
}

/** A request's body: bytes as they are, all else as JSON. */
function content(body: unknown): RequestInit {
  if (body === undefined) {
    return {};
  }
  return body instanceof Blob
    ? { body, headers: { 'Content-Type': 'application/octet-stream' } }
    : { body: JSON.stringify(body) };
}

function inBase64(content: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(new RequestFailed({ message: reader.error?.message ?? '' }));
    reader.readAsDataURL(content);
  });
}

/** Which rows, in which order, as a query has them. */
function chosen({ table, filter, sort, descending }: Omit<RowsRequest, 'page' | 'size'>): Record<string, string> {
  return { table, ...(filter && { filter }), ...(sort && { sort, descending: String(descending) }) };
}

/** What an answer says that its file is called; "" where it says nothing. */
function fileName(response: Response): string {
  return /filename="?([\w.-]+)"?/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? '';
}

async function failure(response: Response, trans: Translation): Promise<RequestFailed> {
  try {
    const body = (await response.json()) as Partial<ErrorBody>;
    if (typeof body.message === 'string' && body.message !== '') {
      return new RequestFailed({ ...body, message: body.message });
    }
  } catch {
    // Not ours: a proxy's page, for example.
  }
  return new RequestFailed(
    response.status === 404
      ? {
          message: trans.__('The App Builder is not running on this server.'),
          hint: trans.__('Enable it with: jupyter server extension enable jupyter_appbuilder. Then restart Jupyter.')
        }
      : { message: trans.__('The server answered %1 %2.', response.status, response.statusText) }
  );
}
