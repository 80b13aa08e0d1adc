/** What the server found out of a model by asking it (`POST models/test`). */

export interface ModelCheck {
  name: string;
  /** In English; known names have a translation. */
  title: string;
  outcome: 'yes' | 'no' | 'unknown';
  detail: string;
  hint: string;
}

export interface ModelReport {
  model: string;
  /** It can build apps. */
  usable: boolean;
  /** How it will be used, or why it cannot be. */
  verdict: string;
  tokens_used: number;
  checks: readonly ModelCheck[];
}

/** About what a test uses (`examination.TOKENS` on the server). */
export const TEST_TOKENS = 1200;
