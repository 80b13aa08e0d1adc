/** What a person has seen once, or left: kept in the browser, where it keeps anything. */

const PREFIX = 'jupyter-appbuilder:seen:';

export type Flag = 'first-steps' | 'tour';

export class Flags {
  private readonly known = new Set<Flag>();

  /** `place` tells servers apart that share an origin; null keeps them for this page alone. */
  constructor(private readonly place: string | null = null) {}

  has(flag: Flag): boolean {
    try {
      if (!this.known.has(flag) && this.place !== null && window.localStorage.getItem(this.key(flag)) !== null) {
        this.known.add(flag); // asked with all that streams
      }
      return this.known.has(flag);
    } catch {
      return false;
    }
  }

  set(flag: Flag): void {
    this.known.add(flag);
    try {
      if (this.place !== null) {
        window.localStorage.setItem(this.key(flag), '1');
      }
    } catch {
      // The browser keeps nothing: it holds for this page.
    }
  }

  private key(flag: Flag): string {
    return `${PREFIX}${this.place}:${flag}`;
  }
}
