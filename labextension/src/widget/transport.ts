/**
 * The panel's transport over a widget's comm.
 *
 * From the kernel, each custom message is one of
 *
 * - a wire message, `{"kind": "events" | "snapshot" | "live" | "session", …}` (src/core/wire/wire.ts), exactly as a WebSocket
 *   carries it, with one difference: a preview's `url` is a whole address, since a kernel serves it on a port of its own;
 * - an answer, `{"reply": id, "ok": true, "result": …}` or
 *   `{"reply": id, "ok": false, "error": {"message", "reason", "hint"}}`.
 *
 * To the kernel, each message is a request `{"id": number, "method": string, "params": object}`:
 *
 * | method    | params               | result                  |
 * |-----------|----------------------|-------------------------|
 * | `watch`   | `{after}`            | null; events follow     |
 * | `unwatch` | `{}`                 | null                    |
 * | `open`    | `{session}`          | null; another app is shown from now on |
 * | `send`    | `{text, model?, mode?, attachments?, pointed?}` | `{turn}` |
 * | `point`   | `{pointed}`          | `{pointed, literal}`    |
 * | `change_text` | `{pointed, text}` | null                   |
 * | `attach`  | `{name}`, bytes      | as `POST attachments`   |
 * | `accept`  | `{plan, text?}`      | `{turn}`                |
 * | `stop`    | `{}`                 | null                    |
 * | `retry`   | `{}`                 | `{turn}`                |
 * | `continue` | `{}`                | `{turn}`                |
 * | `fork`    | `{message?, checkpoint?, text?}` | the new app's summary |
 * | `restore` | `{checkpoint, data?}` | the event              |
 * | `name_version` | `{checkpoint, name}` | null               |
 * | `diff`    | `{checkpoint}`       | a unified diff          |
 * | `try`     | `{names?}`           | `{ok, summary}`         |
 * | `remove_scenario` | `{name}`     | null                    |
 * | `picture` | `{sha256}`           | its bytes in Base64     |
 * | `transcript` | `{}`              | a text, of HTML         |
 * | `preview` | `{action}`           | null                    |
 * | `update`  | `{title?, model?}`   | the summary             |
 * | `answer`  | `{approval, granted, remember}` | null         |
 * | `hosts`   | `{}`                 | the hosts allowed       |
 * | `allow`   | `{host}`             | null                    |
 * | `usage`   | `{}`                 | as `GET sessions/{id}/usage` |
 * | `raise`   | `{dollars?, tokens?}` | the same               |
 * | `revoke`  | `{host}`             | null                    |
 * | `rules`   | `{app}`              | as `GET rules`; with `app` also this app's |
 * | `set_rule` | `{app, tool, pattern, action}` | the same     |
 * | `remove_rule` | `{app, rule}`    | the same                |
 * | `report`  | `{days}`             | as `GET usage`          |
 * | `budgets` | `{changes}`          | as `PUT usage/budgets`  |
 * | `requests` | `{days, format}`    | as `GET usage/requests`, as text |
 * | `sandboxes` | `{}`               | where apps can run      |
 * | `tools`   | `{}`                 | as `GET tools`          |
 *
 * `watch` begins the stream anew if it runs already; `after` is the last event's number the view holds. A kernel that
 * does not answer (restarted, gone) shows as a lost connection.
 */

import { saveText } from '../core/controls/saving';
import type {
  AllowedHost,
  ApprovalRule,
  ForkPoint,
  PreviewAction,
  SandboxChoice,
  Transport,
  TransportListener
} from '../core/wire/transport';
import type { Claim, Pointed, Tool, UnsentAttachment } from '../core/wire/api.generated';
import type { BudgetChanges, BudgetSettings, SessionUsage, Unit, UsageReport } from '../core/view/usage';
import { RequestFailed, type ErrorBody, type Summary, type WireMessage } from '../core/wire/wire';

/** What is used of an anywidget model. */
export interface CommModel {
  get(name: 'session'): string;
  send(content: unknown, callbacks?: unknown, buffers?: readonly ArrayBuffer[]): void;
  on(name: 'msg:custom' | 'change:session', callback: (content: unknown) => void): void;
  off(name: 'msg:custom' | 'change:session', callback: (content: unknown) => void): void;
}

type Reply = { reply: number; ok: true; result: unknown } | { reply: number; ok: false; error: ErrorBody };

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: RequestFailed) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** How long a kernel may take to answer (ms): it may be starting a sandbox, or busy in a long cell. */
const PATIENCE = 60_000;
const RETRY = 5000;

export class CommTransport implements Transport {
  // Views of one widget share a comm: each begins somewhere else, so that an answer finds the one that asked.
  private last = Math.floor(Math.random() * 2 ** 40);
  private listener: TransportListener | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly pending = new Map<number, Pending>();

  constructor(private readonly model: CommModel) {
    model.on('msg:custom', this.take);
    // Components take these off, to see whether there is such an ability.
    this.point = this.point.bind(this);
    this.changeText = this.changeText.bind(this);
    this.fork = this.fork.bind(this);
    this.picture = this.picture.bind(this);
  }

  watch(listener: TransportListener): () => void {
    this.listener = listener;
    this.begin();
    return () => {
      this.listener = null;
      clearTimeout(this.timer);
      this.model.off('msg:custom', this.take);
      this.request('unwatch', {}).catch(() => undefined);
      for (const { timer } of this.pending.values()) {
        clearTimeout(timer);
      }
      this.pending.clear();
    };
  }

  reconnect(): void {
    clearTimeout(this.timer);
    this.begin();
  }

  /** Have the widget show another app from now on, in all its views. */
  async open(session: string): Promise<void> {
    await this.request('open', { session });
  }

  async send(...[text, model, mode, attachments = [], pointed = []]: Parameters<Transport['send']>): Promise<void> {
    await this.request('send', {
      text,
      ...(model === undefined ? {} : { model }),
      ...(mode === undefined ? {} : { mode }),
      ...(attachments.length > 0 ? { attachments } : {}),
      ...(pointed.length > 0 ? { pointed } : {})
    });
  }

  async point(pointed: Claim): Promise<Pointed> {
    return (await this.request('point', { pointed })) as Pointed;
  }

  async changeText(pointed: Claim, text: string): Promise<void> {
    await this.request('change_text', { pointed, text });
  }

  /** Hand a file to the kernel, and a smaller copy of a picture. */
  readonly attach = async (name: string, content: Blob, picture: Blob | null): Promise<UnsentAttachment> => {
    const bytes = await Promise.all((picture ? [content, picture] : [content]).map(blob => blob.arrayBuffer()));
    return (await this.request('attach', { name }, bytes)) as UnsentAttachment;
  };

  async accept(plan: string, text?: string): Promise<void> {
    await this.request('accept', text === undefined ? { plan } : { plan, text });
  }

  async stop(): Promise<void> {
    await this.request('stop', {});
  }

  async retry(): Promise<void> {
    await this.request('retry', {});
  }

  async goOn(): Promise<void> {
    await this.request('continue', {});
  }

  async fork(point: ForkPoint, text?: string): Promise<Summary> {
    return (await this.request('fork', text === undefined ? { ...point } : { ...point, text })) as Summary;
  }

  async restore(checkpoint: string, data = true): Promise<void> {
    await this.request('restore', { checkpoint, data });
  }

  async nameVersion(checkpoint: string, name: string): Promise<void> {
    await this.request('name_version', { checkpoint, name });
  }

  async diff(checkpoint: string): Promise<string> {
    const result = await this.request('diff', { checkpoint });
    return typeof result === 'string' ? result : '';
  }

  async tryScenarios(names?: readonly string[]): Promise<void> {
    await this.request('try', names ? { names } : {});
  }

  async removeScenario(name: string): Promise<void> {
    await this.request('remove_scenario', { name });
  }

  async picture(sha256: string): Promise<string> {
    const data = await this.request('picture', { sha256 });
    if (typeof data !== 'string') {
      throw new RequestFailed({ message: 'That picture is no longer kept.' });
    }
    return `data:image/png;base64,${data}`;
  }

  async transcript(): Promise<string> {
    const page = await this.request('transcript', {});
    return typeof page === 'string' ? page : '';
  }

  async preview(action: PreviewAction): Promise<void> {
    await this.request('preview', { action });
  }

  async answer(approval: string, granted: boolean, remember: boolean): Promise<void> {
    await this.request('answer', { approval, granted, remember });
  }

  async hosts(): Promise<AllowedHost[]> {
    return (await this.request('hosts', {})) as AllowedHost[];
  }

  async usage(): Promise<SessionUsage> {
    return (await this.request('usage', {})) as SessionUsage;
  }

  async raiseBudget(amounts: Partial<Record<Unit, number>>): Promise<SessionUsage> {
    return (await this.request('raise', { ...amounts })) as SessionUsage;
  }

  async allowHost(host: string): Promise<void> {
    await this.request('allow', { host });
  }

  async revokeHost(host: string): Promise<void> {
    await this.request('revoke', { host });
  }

  async rules(session: string | null): Promise<ApprovalRule[]> {
    return (await this.request('rules', { app: session !== null })) as ApprovalRule[];
  }

  async setRule(rule: Pick<ApprovalRule, 'tool' | 'pattern' | 'action'>, session: string | null): Promise<void> {
    await this.request('set_rule', { ...rule, app: session !== null });
  }

  async removeRule(rule: string, session: string | null): Promise<void> {
    await this.request('remove_rule', { rule, app: session !== null });
  }

  async report(days: number): Promise<UsageReport> {
    return (await this.request('report', { days })) as UsageReport;
  }

  async setBudgets(changes: BudgetChanges): Promise<BudgetSettings> {
    return (await this.request('budgets', { changes })) as BudgetSettings;
  }

  async downloadUsage(days: number, format: 'csv' | 'json'): Promise<void> {
    const text = await this.request('requests', { days, format });
    const type = format === 'csv' ? 'text/csv' : 'application/json';
    saveText(typeof text === 'string' ? text : '', `app-builder-usage.${format}`, type);
  }

  async sandboxes(): Promise<SandboxChoice[]> {
    return (await this.request('sandboxes', {})) as SandboxChoice[];
  }

  async tools(): Promise<Tool[]> {
    return (await this.request('tools', {})) as Tool[];
  }

  async update(change: { title?: string; model?: string }): Promise<void> {
    await this.request('update', change);
  }

  private begin(): void {
    const { listener } = this;
    if (!listener) {
      return;
    }
    listener.connection({ state: 'connecting' });
    this.request('watch', { after: listener.lastSeq() }).then(
      () => this.listener?.connection({ state: 'open' }),
      () => {
        this.listener?.connection({ state: 'waiting', retryAt: Date.now() + RETRY });
        this.timer = setTimeout(() => this.begin(), RETRY);
      }
    );
  }

  private request(method: string, params: Record<string, unknown>, buffers?: ArrayBuffer[]): Promise<unknown> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pending.delete(id);
        reject(
          new RequestFailed({
            message: 'The kernel does not answer.',
            reason: 'unreachable',
            hint: 'If it was restarted, run the cell again.'
          })
        );
      }, PATIENCE);
      this.pending.set(id, { resolve, reject, timer });
      if (buffers) {
        this.model.send({ id, method, params }, undefined, buffers);
      } else {
        this.model.send({ id, method, params });
      }
    });
  }

  private readonly take = (content: unknown): void => {
    if (typeof content !== 'object' || content === null) {
      return;
    }
    if ('kind' in content) {
      this.listener?.message(content as WireMessage);
    } else if ('reply' in content) {
      const reply = content as Reply;
      const pending = this.pending.get(reply.reply);
      this.pending.delete(reply.reply);
      clearTimeout(pending?.timer);
      if (reply.ok) {
        pending?.resolve(reply.result);
      } else {
        pending?.reject(new RequestFailed(reply.error));
      }
    }
  };
}
