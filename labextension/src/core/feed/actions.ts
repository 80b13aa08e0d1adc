/** What the parts of a turn can do. */

import type { Transport } from '../wire/transport';

export interface TurnActions {
  transport: Transport;
  /** Runs a request and shows its failure. */
  attempt: (request: Promise<unknown>) => void;
  /** Puts a text where the next request is written, for the person to send. */
  compose: (text: string) => void;
  /** Lets the person say what another plan should be like. */
  askForPlan: () => void;
  busy: boolean;
  /** Whether what is asked here is done here: another process may have the session. */
  owned: boolean;
  /** What this session's code may reach, as `host:port`. */
  hosts: ReadonlyMap<string, string>;
}
