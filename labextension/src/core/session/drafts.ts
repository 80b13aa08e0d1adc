/** What is being written, by session; "" is the first screen's. It is there again after the page was loaded anew. */

const LONGEST = 50_000; // characters of one that is kept in the browser
const PREFIX = 'jupyter-appbuilder:draft:';

export class Drafts {
  private readonly known = new Map<string, string>();

  /** `place` tells servers apart that share an origin, as those of a JupyterHub; null keeps drafts for this page alone. */
  constructor(private readonly place: string | null = null) {}

  get(session: string): string {
    return this.known.get(session) ?? this.stored(session);
  }

  set(session: string, text: string): void {
    this.known.set(session, text);
    if (this.place === null) {
      return;
    }
    try {
      if (text === '' || text.length > LONGEST) {
        window.localStorage.removeItem(this.key(session));
      } else {
        window.localStorage.setItem(this.key(session), text);
      }
    } catch {
      // The browser keeps nothing: it stays for this page.
    }
  }

  private stored(session: string): string {
    try {
      return this.place === null ? '' : (window.localStorage.getItem(this.key(session)) ?? '');
    } catch {
      return '';
    }
  }

  private key(session: string): string {
    return `${PREFIX}${this.place}:${session}`;
  }
}
