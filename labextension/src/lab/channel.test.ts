import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../core/wire/transport';
import type { Translation } from '../core/controls/translation';
import { RequestFailed } from '../core/wire/wire';
import { WebSocketChannel } from './channel';

class Socket {
  static made: Socket[] = [];
  onopen?: () => void;
  onclose?: (event: { code: number }) => void;
  onmessage?: (event: { data: string }) => void;
  close = vi.fn();
  constructor() {
    Socket.made.push(this);
  }
}

const trans = { __: (text: string) => text } as unknown as Translation;

describe('a session’s channel', () => {
  beforeEach(() => {
    Socket.made = [];
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('has one socket when the network is back before it was told why the last one failed', async () => {
    let answer = (): void => undefined;
    const exists = (): Promise<void> => new Promise(resolve => (answer = resolve));
    const settings = ServerConnection.makeSettings({ WebSocket: Socket as unknown as typeof WebSocket });
    const told: Connection[] = [];
    const stop = new WebSocketChannel(settings, 'sessions/s1/channel', trans, exists).watch({
      message: () => undefined,
      connection: connection => told.push(connection),
      lastSeq: () => 0
    });
    Socket.made[0]?.onclose?.({ code: 1006 }); // the handshake failed
    window.dispatchEvent(new Event('online'));
    Socket.made[1]?.onopen?.();
    answer();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Socket.made).toHaveLength(2);
    expect(told.at(-1)).toEqual({ state: 'open' });
    stop();
  });

  it('says why where the session could not be opened after the socket was', async () => {
    const settings = ServerConnection.makeSettings({ WebSocket: Socket as unknown as typeof WebSocket });
    const told: Connection[] = [];
    const exists = (): Promise<void> =>
      Promise.reject(new RequestFailed({ message: 'It is open elsewhere.', reason: 'owned_elsewhere' }));
    const stop = new WebSocketChannel(settings, 'sessions/s1/channel', trans, exists).watch({
      message: () => undefined,
      connection: connection => told.push(connection),
      lastSeq: () => 0
    });
    Socket.made[0]?.onopen?.();
    Socket.made[0]?.onclose?.({ code: 1011 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told.at(-1)).toEqual({ state: 'closed', message: 'It is open elsewhere.', hint: '' });
    expect(Socket.made).toHaveLength(1);
    stop();
  });
});
