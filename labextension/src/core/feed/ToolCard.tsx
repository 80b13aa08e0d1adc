import * as React from 'react';
import { editLines, parseDiff } from './diff';
import { duration } from '../controls/format';
import { languageOf } from './highlight';
import { countLines, readPartial } from '../view/partial';
import type { Translation } from '../controls/translation';
import { toolLabel, useTools, type ToolLabel } from './toolLabel';
import type { Tool } from '../wire/api.generated';
import { outcomesIn } from '../view/scenarios';
import { linesChanged, type ToolItem } from '../view/view';
import type { PartialCall } from '../wire/wire';
import { Card } from './Card';
import { CodeBlock, DiffFiles, DiffLines, FileLink, Lines, PathText } from './Code';
import { Icon, Spinner } from '../controls/Icon';
import { NewProblems, withoutNews } from './NewProblems';
import { whyItFails } from './outcomes';
import { Pictures, type KeptPicture } from './Pictures';
import { useTranslation } from '../controls/surroundings';

/** A tool call that was asked for: its line in the feed, and behind it its arguments and what came of it. */
export const ToolCard = React.memo(function ToolCard({ item: told }: { item: ToolItem }): React.ReactElement {
  const item = isStopped(told) ? { ...told, state: 'interrupted' as const } : told;
  const trans = useTranslation();
  const tool = useTools().get(item.tool);
  const label = toolLabel(tool, item.tool, item.arguments, trans);
  const verb = verbOf(item, tool, label, trans);
  const found = hasFound(item, tool);
  const { added, removed } = linesChanged(item);
  const line = lineBelow(item, tool, label, trans);
  return (
    <Card
      className={`jp-mod-${found ? 'found' : item.state}`}
      icon={label.icon}
      wrapping={label.prose}
      title={
        <>
          <span className="jp-AppBuilder-verb">{verb}</span> <Subject label={label} gone={isGone(item)} />
        </>
      }
      aside={
        <>
          <Lines added={added} removed={removed} />
          {item.by !== 'agent' && <By by={item.by} />}
          <State item={item} found={found} />
        </>
      }
      label={trans.__('%1: details', `${verb} ${label.path ?? label.subject}`.trim())}
      opens={item.state === 'running' && item.output !== '' && !tool?.finds} // a command's output
      body={() => <Body item={item} tool={tool} />}
      folded={
        line !== '' && <p className={`jp-AppBuilder-card${item.state === 'failed' ? 'Problem' : 'Note'}`}>{line}</p>
      }
    >
      <Pictures pictures={item.result?.pictures ?? NO_PICTURES} />
      <NewProblems result={item.result} />
    </Card>
  );
});

const NO_PICTURES: readonly KeptPicture[] = [];

/** The person stopped it: it found nothing, and nothing is wrong. */
function isStopped(item: ToolItem): boolean {
  return item.state === 'failed' && item.result?.detail['reason'] === 'stopped';
}

/** A check that found something did what it is for. */
function hasFound(item: ToolItem, tool: Tool | undefined): boolean {
  return tool?.finds === true && item.state === 'failed';
}

/** What a card says below its title while it is folded: why it failed; of a check also how far it is and how it went; of
 *  data that was handed over, how much it is. */
function lineBelow(item: ToolItem, tool: Tool | undefined, label: ToolLabel, trans: Translation): string {
  if (item.state === 'failed') {
    return problemLine(item, hasFound(item, tool), trans);
  }
  const untried = item.result?.detail['untried'];
  if (tool?.finds && label.subject !== '' && typeof untried === 'string') {
    return trans.__('Not tried: %1.', untried);
  }
  if (typeof item.result?.detail['dataset'] === 'string') {
    return item.result.summary; // how many rows and columns
  }
  if (!tool?.finds || label.subject !== '') {
    return '';
  }
  if (item.state === 'running') {
    return lastLine(item.output);
  }
  return item.state === 'done' ? (item.result?.summary ?? '') : '';
}

function lastLine(output: string): string {
  return output.replace(ANSI, '').trimEnd().split('\n').at(-1)?.trim() ?? '';
}

/** Why it failed, as short as it can be said: details are a click away. */
function problemLine(item: ToolItem, found: boolean, trans: Translation): string {
  const [outcome, ...others] = outcomesIn(item.result?.detail ?? {}) ?? [];
  if (outcome && !outcome.ok && others.length === 0 && outcome.message) {
    return whyItFails(outcome, trans);
  }
  const summary = item.result?.summary ?? '';
  const text = withoutNews(item.result);
  if (found) {
    // The first thing the compiler says is worth more than a count.
    return (
      text
        .split('\n')
        .find(line => /error TS\d+/.test(line))
        ?.replace(ANSI, '')
        .trim() ?? summary
    );
  }
  const lines = text.split('\n').map(line => line.replace(ANSI, '').trim());
  const error =
    lines.find(line => /error|not |fail|cannot|denied|exit/i.test(line)) ?? lines.find(line => line !== '') ?? '';
  return summary || error;
}

/** A call whose arguments are still being written: shown as it arrives. */
export function ArrivingCard({ call }: { call: PartialCall }): React.ReactElement {
  const trans = useTranslation();
  const { values } = React.useMemo(() => readPartial(call.arguments), [call.arguments]);
  const label = toolLabel(useTools().get(call.tool), call.tool, values, trans);
  const code = values['content'] ?? values['replace'] ?? '';
  const lines = countLines(code);
  return (
    <Card
      className="jp-mod-arriving"
      icon={label.icon}
      title={
        <>
          <span className="jp-AppBuilder-verb">{label.doing}</span>
          <Subject label={label} gone />
        </>
      }
      aside={
        <>
          {lines > 0 && <span className="jp-AppBuilder-note">{trans._n('%1 line', '%1 lines', lines, lines)}</span>}
          <Spinner />
        </>
      }
    >
      {lines > 0 && (
        <pre className="jp-AppBuilder-tail" aria-hidden="true">
          {code.slice(-2000).split('\n').slice(-5).join('\n')}
        </pre>
      )}
    </Card>
  );
}

function verbOf(item: ToolItem, tool: Tool | undefined, label: ToolLabel, trans: Translation): string {
  if (item.state === 'running' || item.state === 'queued') {
    return item.waits ? '' : label.doing; // it does nothing yet
  }
  if (item.result?.detail['reason'] === 'denied') {
    return trans.__('Did not run');
  }
  // What did nothing at all where it failed: "Wrote" would not be true.
  return item.state === 'failed' && tool?.atomic ? label.doing : label.did;
}

/** A call that failed may be about a file that never was; edits fail for what a file holds. */
function isGone(item: ToolItem): boolean {
  return item.state === 'failed' && !Array.isArray(item.arguments['edits']);
}

function Subject({ label, gone }: { label: ToolLabel; gone: boolean }): React.ReactElement | null {
  if (label.path !== null) {
    return (
      <>
        {gone ? <PathText path={label.path} /> : <FileLink path={label.path} />}
        {label.subject && <span className="jp-AppBuilder-note jp-AppBuilder-verb">{label.subject}</span>}
      </>
    );
  }
  if (label.prose) {
    return (
      <span className="jp-AppBuilder-said" title={label.subject}>
        {label.subject}
      </span>
    );
  }
  return label.subject ? (
    <code className="jp-AppBuilder-subject" title={label.subject}>
      {label.subject}
    </code>
  ) : null;
}

function By({ by }: { by: ToolItem['by'] }): React.ReactElement {
  const trans = useTranslation();
  const names: Record<ToolItem['by'], string> = {
    agent: trans.__('agent'),
    person: trans.__('by you'),
    notebook: trans.__('from the notebook'),
    loop: trans.__('automatic'),
    command: trans.__('by a command')
  };
  return <span className="jp-AppBuilder-tag jp-AppBuilder-whereRoom">{names[by]}</span>;
}

function State({ item, found }: { item: ToolItem; found: boolean }): React.ReactElement {
  const trans = useTranslation();
  if (item.waits && (item.state === 'queued' || item.state === 'running')) {
    return (
      <span className="jp-AppBuilder-cardState">
        <Icon name="clock" />
        {trans.__('Waiting for you')}
      </span>
    );
  }
  switch (item.state) {
    case 'queued':
      return (
        <span className="jp-AppBuilder-cardState" title={trans.__('Waiting its turn')}>
          <Icon name="clock" />
          <span className="jp-AppBuilder-hidden">{trans.__('waiting')}</span>
        </span>
      );
    case 'running':
      return (
        <span className="jp-AppBuilder-cardState">
          {item.startedAt !== null && <Elapsed since={item.startedAt} />}
          <Spinner />
          <span className="jp-AppBuilder-hidden">{trans.__('running')}</span>
        </span>
      );
    case 'done':
    case 'failed': {
      const ok = item.state === 'done';
      return (
        <span className={`jp-AppBuilder-cardState jp-mod-${found ? 'found' : item.state}`}>
          {item.result && item.result.duration_ms >= 100 && <span>{duration(item.result.duration_ms, trans)}</span>}
          <Icon name={ok ? 'check' : found ? 'search' : 'cross'} />
          <span className="jp-AppBuilder-hidden">
            {ok ? trans.__('succeeded') : found ? trans.__('found problems') : trans.__('failed')}
          </span>
        </span>
      );
    }
    case 'interrupted':
      return <span className="jp-AppBuilder-cardState">{trans.__('stopped')}</span>;
  }
}

/** Seconds since, once there are a few. */
export function Elapsed({ since }: { since: string }): React.ReactElement | null {
  const trans = useTranslation();
  const [now, setNow] = React.useState(Date.now);
  React.useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const ms = now - Date.parse(since);
  return ms >= 2000 ? (
    <span className="jp-AppBuilder-elapsed" aria-hidden="true">
      {duration(ms, trans)}
    </span>
  ) : null;
}

function Body({ item, tool }: { item: ToolItem; tool: Tool | undefined }): React.ReactElement {
  const trans = useTranslation();
  const args = item.arguments;
  const detail = item.result?.detail ?? {};
  const diff = typeof detail['diff'] === 'string' ? detail['diff'] : '';
  const opened = args[tool?.opens ?? 'path'];
  const path = typeof opened === 'string' ? opened : '';
  const content = args['content'];
  const parts: React.ReactElement[] = [];
  if (item.state === 'failed' && item.result) {
    parts.push(<Output key="failed" text={withoutNews(item.result) || item.result.summary} />);
  }
  if (diff !== '' && item.state !== 'failed') {
    parts.push(<DiffFilesOf key="diff" diff={diff} path={path} />);
  } else if (typeof content === 'string') {
    parts.push(<CodeBlock key="content" text={content} language={languageOf(path)} />);
  } else if (Array.isArray(args['edits'])) {
    parts.push(<Edits key="edits" edits={args['edits']} path={path} />);
  } else if (tool?.effect === 'command' && typeof args['command'] === 'string') {
    parts.push(<CodeBlock key="command" text={args['command']} language="sh" />);
  } else if (item.state !== 'done' && Object.keys(args).length > 0) {
    parts.push(<CodeBlock key="arguments" text={JSON.stringify(args, null, 2)} language="json" />);
  }
  const output = item.state === 'running' ? item.output : withoutNews(item.result);
  if (
    item.state !== 'failed' &&
    output !== '' &&
    diff === '' &&
    typeof content !== 'string' &&
    !Array.isArray(args['edits'])
  ) {
    parts.push(<Output key="output" text={output} live={item.state === 'running'} />);
  }
  if (item.result?.patch) {
    parts.push(
      <section key="patch">
        <h4>{trans.__('What it changed')}</h4>
        <DiffFiles files={parseDiff(item.result.patch)} />
      </section>
    );
  }
  if (parts.length === 0) {
    parts.push(
      <p key="none" className="jp-AppBuilder-note">
        {item.result?.summary || trans.__('Nothing to show yet.')}
      </p>
    );
  }
  return <>{parts}</>;
}

function DiffFilesOf({ diff, path }: { diff: string; path: string }): React.ReactElement {
  const trans = useTranslation();
  const files = React.useMemo(() => parseDiff(diff), [diff]);
  const only = files[0];
  return files.length === 1 && only ? (
    <DiffLines lines={only.lines} label={trans.__('Changes to %1', path || only.path)} />
  ) : (
    <DiffFiles files={files} />
  );
}

function Edits({ edits, path }: { edits: unknown[]; path: string }): React.ReactElement {
  const trans = useTranslation();
  return (
    <>
      {edits.map((edit, at) => {
        const fields = (typeof edit === 'object' && edit !== null ? edit : {}) as Record<string, unknown>;
        const search = fields['search'] ?? fields['old'] ?? fields['old_text'];
        const replace = fields['replace'] ?? fields['new'] ?? fields['new_text'];
        return (
          <DiffLines
            key={at}
            lines={editLines(typeof search === 'string' ? search : '', typeof replace === 'string' ? replace : '')}
            label={
              fields['replace_all'] === true
                ? trans.__('Change %1 to %2, everywhere', at + 1, path)
                : trans.__('Change %1 to %2', at + 1, path)
            }
          />
        );
      })}
    </>
  );
}

const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007]*\u0007/g;

/** A command's output; while it runs, the end stays in view. */
function Output({ text, live = false }: { text: string; live?: boolean }): React.ReactElement {
  const trans = useTranslation();
  const element = React.useRef<HTMLPreElement>(null);
  const clean = React.useMemo(() => text.replace(ANSI, '').replace(/[^\n]*\r(?!\n)/g, ''), [text]);
  React.useLayoutEffect(() => {
    if (live && element.current) {
      element.current.scrollTop = element.current.scrollHeight;
    }
  }, [clean, live]);
  return (
    <pre className="jp-AppBuilder-output" ref={element} tabIndex={0} role="group" aria-label={trans.__('Output')}>
      {clean}
    </pre>
  );
}
