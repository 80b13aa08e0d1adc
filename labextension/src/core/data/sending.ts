/** A file of the person's machine on its way into the app: its parts one after the other, then the hand-over. */

import type { TakenUpload, Upload } from '../wire/api.generated';
import type { Requests, WantedUpload } from '../wire/transport';

export type FileAsks = Required<
  Pick<Requests, 'datasets' | 'beginUpload' | 'sendPart' | 'upload' | 'takeUpload' | 'dropUpload'>
>;

export const ENDINGS = '.csv,.tsv,.parquet,.xlsx,.xlsm';
const LOOK_MS = 1000; // how often the server is asked how far it is

export interface Told {
  sent: number;
  size: number;
  /** What the server is at, once it has all of it. */
  taking: Pick<Upload, 'rows' | 'placed'> | null;
}

/** A name that a dataset can have, made of a file's: as the server proposes it. */
export function proposed(file: string): string {
  const plain = file
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return (/^[a-z]/.test(plain) ? plain : `data_${plain}`.replace(/_+$/, '')).slice(0, 55);
}

export const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** One file. What was sent stays sent: `take` can be called again, under another name, say. */
export class Sending {
  private upload: Upload | null = null;
  private sent = 0;
  private readonly abort = new AbortController();

  constructor(
    private readonly asks: FileAsks,
    private readonly file: File,
    private readonly tell: (told: Told) => void
  ) {}

  /** Rejects with `RequestFailed`; with anything once it was given up. */
  async take(wanted: WantedUpload): Promise<TakenUpload> {
    const { asks, file, abort } = this;
    this.upload ??= await asks.beginUpload(file.name, file.size);
    const { upload } = this;
    if (this.givenUp) {
      this.drop(); // nobody knew its name when it was given up
    }
    while (this.sent < file.size) {
      abort.signal.throwIfAborted();
      this.told(null);
      const part = file.slice(this.sent, this.sent + upload.part);
      await asks.sendPart(upload.upload, this.sent, part, abort.signal);
      this.sent += part.size;
    }
    abort.signal.throwIfAborted();
    this.told({ rows: 0, placed: 0 });
    let over = false; // an answer that comes later says nothing any more
    const timer = window.setInterval(() => {
      asks.upload(upload.upload).then(
        found => !over && !abort.signal.aborted && this.told(found),
        () => undefined // the hand-over itself says what is wrong
      );
    }, LOOK_MS);
    try {
      return await asks.takeUpload(upload.upload, wanted, abort.signal);
    } finally {
      over = true;
      window.clearInterval(timer);
    }
  }

  /** Stop, and have nothing kept of it. */
  giveUp(): void {
    this.abort.abort();
    this.drop();
  }

  private drop(): void {
    if (this.upload) {
      this.asks.dropUpload(this.upload.upload).catch(() => undefined); // it goes by itself after a day
    }
  }

  get givenUp(): boolean {
    return this.abort.signal.aborted;
  }

  private told(taking: Told['taking']): void {
    this.tell({ sent: this.sent, size: this.file.size, taking });
  }
}
