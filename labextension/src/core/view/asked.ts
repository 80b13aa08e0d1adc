/** What the agent asks, in the panel's language. */

import type { Translation } from '../controls/translation';
import type { EventData } from '../wire/events';

type Sentence = (trans: Translation, about: string) => string;

/** The server's own questions. */
const QUESTIONS: readonly [RegExp, Sentence][] = [
  [/^May the agent run this command\?$/, trans => trans.__('May the agent run this command?')],
  [/^May the agent use (.+)\?$/, (trans, tool) => trans.__('May the agent use %1?', tool)],
  [/^May this app reach (.+)\?$/, (trans, host) => trans.__('May this app reach %1?', host)],
  [/^The app needs the secret (.+)\.$/, (trans, name) => trans.__('The app needs the secret %1.', name)],
  [
    /^May the agent change the database so that data is lost\? (.+)$/s,
    (trans, lost) => trans.__('May the agent change the database so that data is lost? %1', lost)
  ]
];

/** Any other question stays as it is. */
export function asked({ question }: EventData['approval.requested'], trans: Translation): string {
  for (const [pattern, sentence] of QUESTIONS) {
    const found = pattern.exec(question);
    if (found) {
      return sentence(trans, found[1] ?? '');
    }
  }
  return question;
}
