import * as React from 'react';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { plainly } from '../feed/plainly';
import { toolLabel, useTools, type Tools } from '../feed/toolLabel';
import { asked } from '../view/asked';
import type { TextItem, ToolItem } from '../view/items';
import { lastTurn, type SessionView, type Turn } from '../view/view';

/** Steps that end faster than this are not read one by one: the newest is. */
export const PAUSE_MS = 1500;
const LONGEST = 400; // characters of an answer; the rest is in the conversation
const LONGEST_STEP = 120;

export interface Announcement {
  text: string;
  /** It is said at once: a beginning, a question, an end. */
  now: boolean;
}

/** What those need to hear who do not see the conversation: beginnings, steps that ended, questions, results. No token. */
export function announcement(view: SessionView, tools: Tools, trans: Translation): Announcement {
  const turn = lastTurn(view);
  const question = view.questions[view.questions.length - 1];
  if (!turn) {
    return { text: '', now: true };
  }
  if (question) {
    const text = trans.__('The agent asks: %1 Answer with the buttons in the conversation.', asked(question, trans));
    return { text, now: true };
  }
  if (turn.reason !== null) {
    return { text: ending(turn, trans), now: true };
  }
  const ended = turn.items
    .filter((item): item is ToolItem => item.kind === 'tool' && (item.state === 'done' || item.state === 'failed'))
    .at(-1);
  return ended
    ? { text: step(ended, tools, trans), now: false }
    : { text: trans.__('The agent is working.'), now: true };
}

function step(item: ToolItem, tools: Tools, trans: Translation): string {
  const tool = tools.get(item.tool);
  const label = toolLabel(tool, item.tool, item.arguments, trans);
  const about = short(plainly(label.path ?? label.subject), LONGEST_STEP);
  if (item.state === 'done' || tool?.finds) {
    const found = tool?.finds ? short(item.result?.summary ?? '', LONGEST_STEP) : '';
    return sentences(`${label.did} ${about}`.trim(), found);
  }
  return sentences(
    trans.__('Did not work: %1', `${label.doing} ${about}`.trim()),
    short(item.result?.summary ?? '', LONGEST_STEP)
  );
}

function ending(turn: Turn, trans: Translation): string {
  if (turn.reason !== 'done') {
    return sentences(turn.message || trans.__('The agent has stopped.'), turn.hint);
  }
  if (turn.mode === 'plan') {
    return trans.__('The plan is ready to read.');
  }
  const files = turn.checkpoint?.files ?? 0;
  const answer = turn.items.filter((item): item is TextItem => item.kind === 'text').at(-1);
  return sentences(
    trans.__('The agent has finished.'),
    files > 0 ? trans._n('%1 file changed', '%1 files changed', files, files) : '',
    answer ? short(spokenText(answer.text), LONGEST) : ''
  );
}

/** The beginning of a Markdown text as one says it: without its marks, and without code. */
export function spokenText(markdown: string): string {
  return markdown
    .slice(0, 4 * LONGEST)
    .replace(/^(```|~~~)[\s\S]*?(^\1|$(?![\s\S]))/gm, '')
    .replace(/!?\[([^\][\n]*)\]\([^)(\n]*\)/g, '$1')
    .replace(/^[ \t:|-]+$/gm, '')
    .replace(/^ {0,3}(#{1,6}|>|[-*+])[ \t]+/gm, '')
    .replace(/\*\*|__|`|~~~/g, '')
    .replace(/[\s|]+/g, ' ')
    .trim();
}

function short(text: string, most: number): string {
  if (text.length <= most) {
    return text;
  }
  const cut = text.slice(0, most);
  const end = Math.max(cut.lastIndexOf('. '), cut.lastIndexOf('! '), cut.lastIndexOf('? '));
  return end > most / 2 ? cut.slice(0, end + 1) : `${cut.slice(0, Math.max(cut.lastIndexOf(' '), most / 2))}…`;
}

function sentences(...parts: string[]): string {
  return parts
    .filter(part => part !== '')
    .map(part => (/[.!?…:]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

/** A text that changes no more often than one can listen to. */
function useUnhurried({ text, now }: Announcement): string {
  const [said, say] = React.useState(text);
  const at = React.useRef(0);
  React.useEffect(() => {
    const tell = (): void => {
      at.current = Date.now();
      say(text);
    };
    const left = now ? 0 : at.current + PAUSE_MS - Date.now();
    if (left <= 0) {
      tell();
      return;
    }
    const timer = setTimeout(tell, left);
    return () => clearTimeout(timer);
  }, [text, now]);
  return said;
}

/** The one place of a session that a screen reader reads by itself. */
export function Announcer({ view }: { view: SessionView }): React.ReactElement {
  const said = useUnhurried(announcement(view, useTools(), useTranslation()));
  return (
    <div className="jp-AppBuilder-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
