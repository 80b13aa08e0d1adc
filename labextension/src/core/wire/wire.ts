/** What the server says, over a WebSocket, server-sent events or a widget's comm alike (docs/architecture.md, "Wire"). */

import type { AppEvent, LiveData, Mode, PreviewStatus, SessionState, TurnReason, Usage } from './events';

/** A session as lists and headers show it. */
export interface Summary {
  id: string;
  name: string;
  title: string;
  state: SessionState;
  template: string;
  model: string;
  recorded: boolean;
  sandbox: string;
  /** The session's folder, relative to the Jupyter root; null when it lies elsewhere. */
  path: string | null;
  /** The app's files, relative to the Jupyter root. */
  app_path: string | null;
  /** The notebook, relative to the Jupyter root. */
  notebook: string | null;
  created_at: string;
  updated_at: string;
  last_seq: number;
  turn: { turn: string; mode?: Mode; reason: TurnReason | null; message: string; hint: string; started_at: string } | null;
  usage: Usage;
  /** The session this one was forked from. */
  forked: { source: string; name: string } | null;
  /** This server holds the session or can take it; when false another process owns it. */
  owned: boolean;
  /** What keeps the session from being used, until it is over: a full disk, a folder that was moved away. */
  /** How the app is on this server; stopped where it has no sandbox. */
  app: PreviewStatus['state'];
  trouble: { message: string; hint: string } | null;
}

/** A model response on its way: what has arrived of it so far. */
export interface PartialResponse {
  turn: string;
  response: string;
  reasoning: string;
  text: string;
  tool_calls: { index: number; call: string; tool: string; arguments: string }[];
}

export interface Snapshot {
  kind: 'snapshot';
  n: number;
  session: Summary;
  response: PartialResponse | null;
  outputs: Record<string, string>;
  preview: PreviewStatus | null;
  progress: LiveData['progress'][];
}

export type LiveMessage = {
  [T in keyof LiveData]: { kind: 'live'; n: number; type: T; data: LiveData[T] };
}[keyof LiveData];

export type WireMessage =
  | { kind: 'events'; events: AppEvent[] }
  | Snapshot
  | LiveMessage
  | { kind: 'session'; session: Summary };

/** An error as every route answers it. */
export interface ErrorBody {
  message: string;
  reason: string;
  hint: string;
  field?: string;
}

/** A request that failed, with the server's own words and the next step. */
export class RequestFailed extends Error {
  readonly reason: string;
  readonly hint: string;
  readonly field: string;

  constructor(body: Partial<ErrorBody> & { message: string }) {
    super(body.message);
    this.name = 'RequestFailed';
    this.reason = body.reason ?? 'internal';
    this.hint = body.hint ?? '';
    this.field = body.field ?? '';
  }

  /** Whatever was thrown, as something the panel can show. */
  static from(error: unknown): RequestFailed {
    if (error instanceof RequestFailed) {
      return error;
    }
    return new RequestFailed({ message: error instanceof Error ? error.message : String(error) });
  }
}
