/** Files that are handed in with a request, while it is being written: read, sent, and what is wrong with them. */

import { smallerCopy } from './smallerCopy';
import type { UnsentAttachment } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import type { Translation } from '../controls/translation';

/** Sends one file; `picture` is a smaller copy of one that is too large to be shown. */
export type Attach = (name: string, content: Blob, picture: Blob | null) => Promise<UnsentAttachment>;

export const MOST = 10;
export const LARGEST = 10_000_000; // bytes

/** Pictures that the browser may show of a file of the person's: none that can hold a script. */
const SHOWN = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

export interface Attached {
  key: number;
  name: string;
  size: number;
  /** An address of the picture, where it is one. */
  picture: string | null;
  /** What the server calls it; null while it is being sent. */
  sent: UnsentAttachment | null;
}

export interface AttachmentsState {
  files: readonly Attached[];
  /** Why files are not among them. */
  refused: readonly RequestFailed[];
}

const EMPTY: AttachmentsState = { files: [], refused: [] };

const PREFIX = 'jupyter-appbuilder:files:';

/** Files as they were stored, by another page: an address of a picture is the page's that made it. */
function stored(listed: unknown): Attached[] {
  const files = Array.isArray(listed) ? (listed as (Attached | null)[]) : [];
  return files.flatMap(file => (typeof file?.name === 'string' && file.sent ? [{ ...file, picture: null }] : []));
}

/** The files of one box. They outlive it: whoever turns to another app and back, or loads the page anew, finds them. */
export class Attachments {
  private state: AttachmentsState = EMPTY;
  private readonly subscribers = new Set<() => void>();
  private last = 0;

  /** `largest`: bytes of a file, where the place takes less than the server. `place`: where what the server has of them
   * is kept in the browser; null for this page alone. */
  constructor(
    private readonly attach: Attach,
    private readonly largest = LARGEST,
    private readonly place: string | null = null
  ) {
    if (place !== null) {
      try {
        const known: unknown = JSON.parse(window.localStorage.getItem(PREFIX + place) ?? '[]');
        this.state = { files: stored(known).map(file => ({ ...file, key: ++this.last })), refused: [] };
      } catch {
        // The browser keeps nothing.
      }
    }
  }

  readonly get = (): AttachmentsState => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  /** Read and send files. What is not taken is said by name. */
  add(files: readonly File[], trans: Translation): void {
    this.set({ ...this.state, refused: [] });
    for (const file of files) {
      if (this.state.files.length >= MOST) {
        this.refuse(trans.__('%1 is one too many: a request takes %2 files.', file.name, MOST));
      } else if (file.size > this.largest) {
        this.refuse(trans.__('%1 is too large: an attachment has %2 MB at most.', file.name, this.largest / 1e6));
      } else {
        void this.send(file, trans);
      }
    }
  }

  /** Add a file that has to be read or made first, which can be taken out meanwhile. */
  async read(name: string, read: () => Promise<File>, trans: Translation): Promise<void> {
    this.set({ ...this.state, refused: [] });
    if (this.state.files.length >= MOST) {
      this.refuse(trans.__('%1 is one too many: a request takes %2 files.', name, MOST));
      return;
    }
    const pending = this.pend(name, 0, null);
    try {
      const file = await read();
      if (this.remove(pending)) {
        this.add([file], trans);
      }
    } catch (error) {
      if (this.remove(pending)) {
        const why = trans.__('%1 cannot be read: %2', name, error instanceof Error ? error.message : String(error));
        this.refuse(error instanceof RequestFailed ? error : why);
      }
    }
  }

  /** Take one out; whether it was there. */
  remove(key: number): boolean {
    const found = this.state.files.find(file => file.key === key);
    if (found?.picture) {
      URL.revokeObjectURL(found.picture);
    }
    this.set({ ...this.state, files: this.state.files.filter(file => file.key !== key) });
    return found !== undefined;
  }

  /** Those that are there, to send them: none are left. Whoever takes them puts them back, or lets go of them. */
  take(): AttachmentsState {
    const taken = this.state;
    this.set(EMPTY);
    return taken;
  }

  /** What was taken for a request that did not go out. */
  putBack(taken: AttachmentsState): void {
    const again = taken.files.map(file => ({ ...file, key: ++this.last })); // of another page, perhaps
    this.set({ files: [...again, ...this.state.files], refused: this.state.refused });
  }

  dismiss(): void {
    this.set({ ...this.state, refused: [] });
  }

  private async send(file: File, trans: Translation): Promise<void> {
    const name = file.name || trans.__('picture.png');
    const isPicture = SHOWN.includes(file.type);
    const picture = isPicture ? URL.createObjectURL(file) : null;
    const key = this.pend(name, file.size, picture);
    try {
      const copy = isPicture ? await smallerCopy(file, trans) : null;
      const sent = await this.attach(name, file, copy);
      this.set({
        ...this.state,
        files: this.state.files.map(one => (one.key === key ? { ...one, name: sent.name, sent } : one))
      });
    } catch (error) {
      this.remove(key);
      const unreadable = isPicture && !(error instanceof RequestFailed);
      this.set({
        ...this.state,
        refused: [
          ...this.state.refused,
          unreadable
            ? new RequestFailed({
                message: trans.__('%1 cannot be read as a picture.', name),
                hint: trans.__('Save it again as PNG or JPEG.')
              })
            : RequestFailed.from(error)
        ]
      });
    }
  }

  private pend(name: string, size: number, picture: string | null): number {
    const key = ++this.last;
    this.set({ ...this.state, files: [...this.state.files, { key, name, size, picture, sent: null }] });
    return key;
  }

  private refuse(why: string | RequestFailed): void {
    const error = typeof why === 'string' ? new RequestFailed({ message: why }) : why;
    this.set({ ...this.state, refused: [...this.state.refused, error] });
  }

  private keep(): void {
    if (this.place === null) {
      return;
    }
    const files = stored(this.state.files);
    try {
      if (files.length === 0) {
        window.localStorage.removeItem(PREFIX + this.place);
      } else {
        window.localStorage.setItem(PREFIX + this.place, JSON.stringify(files));
      }
    } catch {
      // The browser keeps nothing: they stay for this page.
    }
  }

  private set(state: AttachmentsState): void {
    this.state = state;
    this.keep();
    for (const subscriber of [...this.subscribers]) {
      subscriber();
    }
  }
}

/** Files that went out, or are given up: what the browser holds of their pictures goes. */
export function letGo(taken: AttachmentsState | undefined): void {
  for (const { picture } of taken?.files ?? []) {
    if (picture) {
      URL.revokeObjectURL(picture);
    }
  }
}

/** What the server calls those that are to be sent. */
export function namesOf(taken: AttachmentsState): string[] {
  return taken.files.flatMap(file => (file.sent ? [file.sent.attachment] : []));
}
