/** Events and messages as the server sends them, for tests. */

import type { AppEvent, EventData, EventType, Mode, Usage } from '../wire/events';
import type { AllowedHost, ForkPoint, ShownAs, Transport, TransportListener } from '../wire/transport';
import type { SessionUsage, Unit, UsageTotals } from '../view/usage';
import type { SnapshotMessage, Summary, WireMessage } from '../wire/wire';

export const USAGE: Usage = { input_tokens: 1000, output_tokens: 200, cached_tokens: 0, cost: 0.01 };

export function summary(change: Partial<Summary> = {}): Summary {
  return {
    id: 's1',
    name: 'task-board',
    title: 'Task board',
    state: 'ready',
    template: 'react-vite',
    model: 'openai:gpt',
    recorded: false,
    sandbox: 'local',
    path: 'appbuilder/task-board',
    app_path: 'appbuilder/task-board/app',
    notebook: 'appbuilder/task-board/task-board.ipynb',
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    last_seq: 0,
    turn: null,
    usage: USAGE,
    forked: null,
    pinned: false,
    shelf: 'apps',
    tags: [],
    checkpoint: null,
    picture: null,
    published: [],
    size: null,
    owned: true,
    app: 'ready',
    trouble: null,
    ...change
  };
}

/** Numbers events from 1, like a log. */
export class Log {
  seq = 0;

  event<T extends EventType>(type: T, data: EventData[T]): AppEvent {
    this.seq += 1;
    return { seq: this.seq, at: '2026-01-01T00:00:00.000Z', type, v: 1, data } as unknown as AppEvent;
  }

  message<T extends EventType>(type: T, data: EventData[T]): WireMessage {
    return { kind: 'events', events: [this.event(type, data)] };
  }

  /** A whole turn that writes a file. */
  turn(turn: string, request: string): AppEvent[] {
    const response = `r${turn}`;
    const call = `${response}.0`;
    return [
      this.event('turn.started', { turn, model: 'openai:gpt' }),
      this.event('message.user', { turn, text: request }),
      this.event('response.completed', {
        turn,
        response,
        model: 'openai:gpt',
        recorded: false,
        text: `Working on **${request}**.`,
        tool_calls: [
          { call, id: 'x', tool: 'write_file', arguments: '{"path":"src/App.tsx","content":"one\\ntwo\\n"}' }
        ],
        finish_reason: 'tool_calls',
        usage: USAGE
      }),
      this.event('usage.recorded', { turn, model: 'openai:gpt', usage: USAGE }),
      this.event('tool.started', {
        turn,
        call,
        tool: 'write_file',
        arguments: { path: 'src/App.tsx', content: 'one\ntwo\n' },
        by: 'agent'
      }),
      this.event('tool.finished', {
        turn,
        call,
        tool: 'write_file',
        ok: true,
        summary: 'Wrote src/App.tsx',
        text: 'Wrote src/App.tsx',
        detail: {},
        duration_ms: 12
      }),
      this.event('file.changed', { path: 'src/App.tsx', change: 'created', by: 'agent', added: 2, removed: 0, call }),
      this.event('checkpoint.created', {
        checkpoint: `commit-${turn}`,
        tree: 'tree',
        parent: null,
        turn,
        title: request,
        files: 1,
        added: 2,
        removed: 0
      }),
      this.event('turn.finished', { turn, reason: 'done', message: '', hint: '' })
    ];
  }
}

export function snapshot(change: Partial<SnapshotMessage> = {}): SnapshotMessage {
  return {
    kind: 'snapshot',
    n: 1,
    session: summary(),
    response: null,
    outputs: {},
    preview: { state: 'stopped', url: null, message: '', fraction: null, log: '' },
    version: null,
    publishing: null,
    progress: [],
    ...change
  };
}

export const NO_TOTALS: UsageTotals = {
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  cost: 0,
  dollars: 0,
  requests: 0,
  unpriced: 0,
  estimated: 0
};

const NOTHING_USED: SessionUsage = {
  session: 's1',
  title: 'Task board',
  usage: NO_TOTALS,
  turns: [],
  models: [],
  model: { model: 'openai:gpt', priced: true },
  held: false,
  budgets: []
};

/** A transport whose other end is the test. */
export class TestTransport implements Transport {
  listener: TransportListener | null = null;
  readonly asked: unknown[][] = [];
  failWith: Error | null = null;

  watch(listener: TransportListener): () => void {
    this.listener = listener;
    listener.connection({ state: 'open' });
    return () => {
      this.listener = null;
    };
  }

  say(...messages: WireMessage[]): void {
    for (const message of messages) {
      this.listener?.message(message);
    }
  }

  reconnect = (): void => void this.asked.push(['reconnect']);
  send = (
    text: string,
    _model?: string,
    mode?: Mode,
    attachments?: readonly string[],
    _pointed?: unknown,
    after?: string
  ): Promise<void> =>
    this.ask(
      'send',
      text,
      ...(mode && mode !== 'build' ? [mode] : []),
      ...(attachments ? [attachments] : []),
      ...(after ? [after] : [])
    );
  accept = (plan: string, text?: string): Promise<void> => this.ask('accept', plan, text);
  stop = (): Promise<void> => this.ask('stop');
  retry = (): Promise<void> => this.ask('retry');
  goOn = (): Promise<void> => this.ask('goOn');
  fork = async (at: ForkPoint, text?: string): Promise<Summary> => {
    await this.ask('fork', at, text);
    return summary({ id: 's2', name: 'task-board-fork', title: 'Task board (fork)' });
  };
  restore = (checkpoint: string, data?: boolean): Promise<void> =>
    data === undefined ? this.ask('restore', checkpoint) : this.ask('restore', checkpoint, data);
  nameVersion = (checkpoint: string, name: string): Promise<void> => this.ask('nameVersion', checkpoint, name);
  showVersion = (checkpoint: string): Promise<void> => this.ask('showVersion', checkpoint);
  hideVersion = (checkpoint: string): Promise<void> => this.ask('hideVersion', checkpoint);
  tryScenarios = (names?: readonly string[]): Promise<void> =>
    names ? this.ask('tryScenarios', names) : this.ask('tryScenarios');
  watchScenario = (name: string): Promise<void> => this.ask('watchScenario', name);
  answerLook = (number: number, _viewer: string, answer: string): Promise<void> =>
    this.ask('answerLook', number, JSON.parse(answer));
  removeScenario = (name: string): Promise<void> => this.ask('removeScenario', name);
  picture = async (sha256: string): Promise<string> => {
    await this.ask('picture', sha256);
    return 'data:image/png;base64,AAAA';
  };
  transcript = async (): Promise<string> => {
    await this.ask('transcript');
    return '<!doctype html>';
  };
  show = async (format: ShownAs, signal: AbortSignal): Promise<Blob> => {
    await this.ask('show', format);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
  };
  allowed: AllowedHost[] = [];
  answer = (approval: string, granted: boolean, remember: boolean): Promise<void> =>
    this.ask('answer', approval, granted, remember);
  allowHost = (host: string): Promise<void> => this.ask('allowHost', host);
  used: SessionUsage | null = null;
  usage = async (): Promise<SessionUsage> => this.used ?? { ...NOTHING_USED };
  raiseBudget = async (amounts: Partial<Record<Unit, number>>): Promise<SessionUsage> => {
    await this.ask('raiseBudget', amounts);
    return this.usage();
  };
  revokeHost = (host: string): Promise<void> => this.ask('revokeHost', host);
  preview = (action: string): Promise<void> => this.ask('preview', action);

  async hosts(): Promise<AllowedHost[]> {
    return this.allowed;
  }

  async diff(checkpoint: string): Promise<string> {
    await this.ask('diff', checkpoint);
    return 'diff --git a/src/App.tsx b/src/App.tsx\n@@ -1 +1,2 @@\n-old\n+one\n+two\n';
  }

  compare = async (from: string, to: string): Promise<string> => {
    await this.ask('compare', from, to);
    return this.diff(to);
  };

  private async ask(...call: unknown[]): Promise<void> {
    this.asked.push(call);
    if (this.failWith) {
      throw this.failWith;
    }
  }
}
