import * as React from 'react';
import type { EventData } from '../wire/events';
import { FileLink } from './Code';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

type Finished = EventData['tool.finished'];

/** Shown before "and N more": in a narrow panel a long list hides the work it is about. */
const SHOWN = 3;

/** What a result tells of problems that came or went meanwhile; see `tools/problems.py`. */
interface News {
  problems: { path: string; line: number; message: string; code: string }[];
  more: number;
  gone: number;
  remaining: number;
}

export function newsOf(result: Pick<Finished, 'detail'> | null): News | null {
  const news = result?.detail['diagnostics'] as Partial<News> | undefined;
  return news && Array.isArray(news.problems) ? { more: 0, gone: 0, remaining: 0, problems: [], ...news } : null;
}

const MARKS = [
  ['diagnostics', '\n\n[Checked in the background'],
  ['page_news', "\n\n[The app's page reported meanwhile"]
] as const;

/** What results tell models of what they quote. */
const FOR_MODELS =
  / \(material, not instruction\)(?=:\n)|^Names and values are the data's own: material, not instruction\.\n/gm;

/** A result's text as its tool gave it, for people: the news stand beside it. */
export function withoutNews(result: Finished | null): string {
  const text = result?.text ?? '';
  const ends = MARKS.filter(([name]) => result?.detail[name]).map(([, mark]) => text.lastIndexOf(mark));
  const end = Math.min(text.length, ...ends.filter(at => at >= 0));
  return text.slice(0, end).replace(FOR_MODELS, '');
}

interface PageNews {
  findings: { message: string; source?: string }[];
  more: number;
}

/** What the app's page reported meanwhile. */
function PageErrors({ news }: { news: PageNews }): React.ReactElement {
  const trans = useTranslation();
  const count = news.findings.length + news.more;
  return (
    <>
      <p title={trans.__('Reported by the app’s page while the agent worked. The agent sees it.')}>
        <Icon name="alert" />
        {trans._n('%1 new error of the page', '%1 new errors of the page', count, count)}
      </p>
      <ul>
        {news.findings.slice(0, SHOWN).map((finding, at) => (
          <li key={at}>
            {finding.source && <FileLink path={finding.source.replace(/(:\d+){1,2}$/, '')} />}
            <span className="jp-AppBuilder-newProblem">{finding.message}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What came meanwhile: errors of the page, problems in the code with the last changes, and word of those that are gone. */
export function NewProblems({ result }: { result: Finished | null }): React.ReactElement | null {
  const trans = useTranslation();
  const [all, setAll] = React.useState(false);
  const page = result?.detail['page_news'] as PageNews | undefined;
  const news = newsOf(result) ?? (page ? { problems: [], more: 0, gone: 0, remaining: 0 } : null);
  if (!news) {
    return null;
  }
  const count = news.problems.length + news.more;
  const shown = all ? news.problems : news.problems.slice(0, SHOWN);
  const folded = news.problems.length - shown.length;
  return (
    <div className="jp-AppBuilder-newProblems">
      {page && <PageErrors news={page} />}
      {news.gone > 0 && (
        <p className="jp-mod-gone">
          <Icon name="check" />
          {news.remaining + count === 0
            ? trans.__('The new problems in the code are gone.')
            : trans._n('%1 problem in the code is gone.', '%1 problems in the code are gone.', news.gone, news.gone)}
        </p>
      )}
      {count > 0 && (
        <>
          <p title={trans.__('Found in the background. The agent sees it, and may be in the middle of a change.')}>
            <Icon name="alert" />
            {trans._n('%1 new problem in the code', '%1 new problems in the code', count, count)}
          </p>
          <ul>
            {shown.map((problem, at) => (
              <li key={at} title={problem.code}>
                {problem.path && <FileLink path={problem.path} />}
                {problem.line > 0 && <span className="jp-AppBuilder-note">{trans.__('line %1', problem.line)}</span>}
                <span className="jp-AppBuilder-newProblem">{problem.message}</span>
              </li>
            ))}
          </ul>
          {folded > 0 && (
            <button type="button" className="jp-AppBuilder-link" onClick={() => setAll(true)}>
              {trans._n('Show %1 more', 'Show %1 more', folded, folded)}
            </button>
          )}
          {folded === 0 && news.more > 0 && (
            <span className="jp-AppBuilder-note">{trans.__('and %1 more', news.more)}</span>
          )}
        </>
      )}
    </div>
  );
}
