/** What the server says, over a WebSocket, server-sent events or a widget's comm alike (docs/architecture.md, "Wire"). */

import type {
  ErrorBody,
  PartialCall,
  PartialResponse,
  SessionMessage,
  SnapshotMessage,
  Summary
} from './api.generated';
import type { AppEvent, LiveData } from './events';

export type { ErrorBody, PartialCall, PartialResponse, SnapshotMessage, Summary };

export type LiveOf<T extends keyof LiveData> = {
  [K in T]: { kind: 'live'; n: number; type: K; data: LiveData[K] };
}[T];

export type LiveMessage = LiveOf<keyof LiveData>;

export type WireMessage =
  | { kind: 'tail'; events: readonly AppEvent[] }
  | { kind: 'events'; events: readonly AppEvent[] }
  | SnapshotMessage
  | LiveMessage
  | SessionMessage;

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
