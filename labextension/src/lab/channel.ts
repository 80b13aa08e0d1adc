/** A session's WebSocket: reconnects with back-off and asks for what it missed, by number. */

import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { Channel, TransportListener } from '../core/wire/transport';
import type { Translation } from '../core/controls/translation';
import { RequestFailed, type WireMessage } from '../core/wire/wire';

const FIRST_WAIT = 500; // ms
const LONGEST_WAIT = 20_000;
/** Our own close codes from here on are final: 4404, the session was deleted. */
const FINAL = 4400;
/** The server could not go on. */
const BROKEN = 1011;
/** Turns of a long history that come ahead of the rest, to be shown while that is on its way. */
const TAIL = 8;
const GIVE_UP = new Set(['unknown_session', 'not_found', 'forbidden', 'unauthenticated', 'owned_elsewhere']);

export class WebSocketChannel implements Channel {
  private listener: TransportListener | null = null;
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT;
  private attempt = 0; // to connect

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly route: string,
    private readonly trans: Translation,
    /** Rejects when the session cannot be watched: a WebSocket's refusal does not say why. */
    private readonly exists: () => Promise<void>
  ) {}

  watch(listener: TransportListener): () => void {
    this.listener = listener;
    window.addEventListener('online', this.hurry);
    this.connect();
    return () => {
      this.listener = null;
      window.removeEventListener('online', this.hurry);
      clearTimeout(this.timer);
      this.socket?.close();
    };
  }

  reconnect(): void {
    if (this.listener && this.socket === null) {
      this.wait = FIRST_WAIT;
      this.connect();
    }
  }

  private readonly hurry = (): void => this.reconnect();

  private connect(): void {
    const { listener, settings } = this;
    if (!listener) {
      return;
    }
    clearTimeout(this.timer);
    this.attempt += 1;
    listener.connection({ state: 'connecting' });
    const query: Record<string, string> = { after: String(listener.lastSeq()), tail: String(TAIL) };
    if (settings.appendToken && settings.token) {
      query['token'] = settings.token;
    }
    const url = URLExt.join(settings.wsUrl, 'appbuilder/api', this.route) + URLExt.objectToQueryString(query);
    const socket = new settings.WebSocket(url);
    this.socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.listener?.connection({ state: 'open' });
    };
    socket.onmessage = event => {
      if (this.socket === socket && typeof event.data === 'string') {
        this.wait = FIRST_WAIT;
        this.listener?.message(JSON.parse(event.data) as WireMessage);
      }
    };
    socket.onclose = event => {
      if (this.socket !== socket) {
        return;
      }
      this.socket = null;
      if (!this.listener) {
        return;
      }
      if (event.code >= FINAL) {
        this.listener.connection({ state: 'closed', message: this.trans.__('This session was deleted.'), hint: '' });
      } else if (opened && event.code !== BROKEN) {
        this.retryLater();
      } else {
        this.askWhy();
      }
    };
  }

  /** The handshake failed, or the session could not be opened after it. Only a plain request learns the reason. */
  private askWhy(): void {
    const attempt = this.attempt;
    this.exists().then(
      () => this.retryLater(attempt),
      (error: unknown) => {
        const { reason, message, hint } = RequestFailed.from(error);
        if (attempt !== this.attempt) {
          return;
        }
        if (GIVE_UP.has(reason)) {
          this.listener?.connection({ state: 'closed', message, hint });
        } else {
          this.retryLater(attempt);
        }
      }
    );
  }

  private retryLater(attempt = this.attempt): void {
    if (!this.listener || attempt !== this.attempt) {
      return; // meanwhile another was made: two sockets would be open
    }
    // A little chance keeps a thousand browsers from coming back in the same instant.
    const delay = this.wait * (0.75 + Math.random() / 2);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    this.listener.connection({ state: 'waiting', retryAt: Date.now() + delay });
    this.timer = setTimeout(() => this.connect(), delay);
  }
}
