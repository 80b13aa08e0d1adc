import * as React from 'react';
import { Icon } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { Finding } from '../session/pageMessages';
import { Handle } from './Handle';
import { LOWEST_DRAWER, type DrawerTab } from './looks';
import { isProblem, worded, type ConsoleLine, type Kept, type PageCall, type PageRecords } from './records';
import { spoken } from '../controls/language';

const NEAR_END = 24; // px

/** Opens and closes the drawer, and says how much is wrong. */
export function DrawerButton({
  records,
  findings,
  open,
  onToggle
}: {
  records: PageRecords;
  findings: number;
  open: boolean;
  onToggle: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { lines, calls } = React.useSyncExternalStore(records.subscribe, records.get);
  const written = lines.filter(({ record }) => record.level === 'error').length;
  const wrong = Math.max(findings, written) + calls.filter(({ record }) => isProblem(record)).length;
  const label = trans.__('Console, requests and findings');
  return (
    <button
      type="button"
      className="jp-AppBuilder-iconButton jp-AppBuilder-drawerButton"
      aria-expanded={open}
      aria-label={wrong > 0 ? trans._n('%2: %1 problem', '%2: %1 problems', wrong, label) : label}
      title={label}
      onClick={onToggle}
    >
      <Icon name="terminal" />
      {wrong > 0 && <span className="jp-AppBuilder-tally jp-mod-error">{wrong > 99 ? '99+' : wrong}</span>}
    </button>
  );
}

/** What the page says of itself: its console, its requests, and what is wrong. The page wrote all of it; it is shown as text. */
export function Drawer({
  records,
  findings,
  tab,
  setTab,
  height,
  setHeight,
  onFix,
  onClose
}: {
  records: PageRecords;
  findings: readonly Finding[];
  tab: DrawerTab;
  setTab: (tab: DrawerTab) => void;
  /** In px. */
  height: number;
  setHeight: (height: number) => void;
  /** Puts a finding where the next request is written; none where nothing can be written. */
  onFix: ((finding: Finding) => void) | null;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const { lines, calls, missed } = React.useSyncExternalStore(records.subscribe, records.get);
  const [words, setWords] = React.useState('');
  const [problemsOnly, setProblemsOnly] = React.useState(false);
  const before = React.useRef(0);
  const root = React.useRef<HTMLElement>(null);
  const id = React.useId();

  const holds = (text: string): boolean => text.toLowerCase().includes(words.trim().toLowerCase());
  const wanted = <T extends ConsoleLine | PageCall>(all: readonly Kept<T>[]): readonly Kept<T>[] =>
    all.filter(({ record }) => (!problemsOnly || isProblem(record)) && holds(worded(record)));
  const shown = {
    console: tab === 'console' ? wanted(lines) : [],
    requests: tab === 'requests' ? wanted(calls) : [],
    findings: tab === 'findings' ? findings.filter(finding => holds(wordedFinding(finding))) : []
  };
  const copied = (): string =>
    tab === 'findings'
      ? shown.findings.map(wordedFinding).join('\n\n')
      : shown[tab].map(({ record }) => worded(record)).join('\n');
  const tabs: readonly (readonly [DrawerTab, string, number])[] = [
    ['console', trans.__('Console'), lines.filter(({ record }) => record.level !== 'load').length],
    ['requests', trans.__('Requests'), calls.length],
    ['findings', trans.__('Findings'), findings.length]
  ];
  const choose = (step: number, event: React.KeyboardEvent): void => {
    const at = tabs.findIndex(([name]) => name === tab);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      setTab(next[0]);
      root.current?.querySelector<HTMLElement>(`[data-tab="${next[0]}"]`)?.focus();
    }
  };
  return (
    <section
      ref={root}
      className="jp-AppBuilder-drawer"
      style={{ height }}
      aria-label={trans.__('What the page says')}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <Handle
        className="jp-mod-top"
        axis="y"
        label={trans.__('Height of the drawer')}
        value={height}
        range={[LOWEST_DRAWER, 2000]}
        onStart={() => {
          before.current = height;
        }}
        onMove={pixels => setHeight(Math.max(LOWEST_DRAWER, before.current - pixels))}
      />
      <div className="jp-AppBuilder-drawerBar">
        <div className="jp-AppBuilder-drawerTabs" role="tablist" aria-label={trans.__('What the page says')}>
          {tabs.map(([name, label, count]) => (
            <button
              key={name}
              type="button"
              role="tab"
              data-tab={name}
              id={`${id}-${name}`}
              aria-selected={name === tab}
              aria-controls={`${id}-panel`}
              tabIndex={name === tab ? 0 : -1}
              onClick={() => setTab(name)}
              onKeyDown={event => {
                const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
                if (step !== undefined) {
                  choose(step, event);
                }
              }}
            >
              {label}
              {count > 0 && <span className="jp-AppBuilder-tally">{count}</span>}
            </button>
          ))}
        </div>
        <span className="jp-AppBuilder-drawerTools">
          <input
            type="search"
            className="jp-AppBuilder-input"
            aria-label={trans.__('Filter')}
            placeholder={trans.__('Filter')}
            value={words}
            onChange={event => setWords(event.target.value)}
          />
          {tab !== 'findings' && (
            <IconButton
              icon="alert"
              label={tab === 'console' ? trans.__('Only warnings and errors') : trans.__('Only failed requests')}
              pressed={problemsOnly}
              onClick={() => setProblemsOnly(!problemsOnly)}
            />
          )}
          <CopyButton text={copied} />
          {tab !== 'findings' && (
            <IconButton
              icon="trash"
              label={trans.__('Clear')}
              onClick={() => records.clear(tab === 'console' ? 'lines' : 'calls')}
            />
          )}
          <IconButton icon="cross" label={trans.__('Close')} onClick={onClose} />
        </span>
      </div>
      <Following
        id={`${id}-panel`}
        labelledBy={`${id}-${tab}`}
        key={tab}
        end={tab === 'console' ? shown.console[shown.console.length - 1] : shown.requests[shown.requests.length - 1]}
      >
        {tab === 'console' && (
          <Listing
            empty={lines.length === 0 ? trans.__('The page wrote nothing yet.') : trans.__('Nothing fits the filter.')}
          >
            {missed > 0 && (
              <li className="jp-AppBuilder-line jp-mod-warn">
                {trans._n(
                  '%1 entry came too fast and is not shown.',
                  '%1 entries came too fast and are not shown.',
                  missed
                )}
              </li>
            )}
            {shown.console.map(kept => (
              <Line key={kept.id} kept={kept} trans={trans} />
            ))}
          </Listing>
        )}
        {tab === 'requests' && (
          <Listing
            empty={
              calls.length === 0 ? trans.__('The page asked no server yet.') : trans.__('Nothing fits the filter.')
            }
          >
            {shown.requests.map(kept => (
              <Call key={kept.id} kept={kept} trans={trans} />
            ))}
          </Listing>
        )}
        {tab === 'findings' && (
          <Listing
            empty={
              findings.length === 0 ? trans.__('The page reports no errors.') : trans.__('Nothing fits the filter.')
            }
          >
            {shown.findings.map(finding => (
              <Found key={finding.message} finding={finding} onFix={onFix} trans={trans} />
            ))}
          </Listing>
        )}
      </Following>
    </section>
  );
}

function wordedFinding({ message, source, stack }: Finding): string {
  return [message, source && `at ${source}`, stack && stack !== message ? stack : ''].filter(Boolean).join('\n');
}

/** Stays at its end while the reader is there. */
function Following({
  id,
  labelledBy,
  end,
  children
}: {
  id: string;
  labelledBy: string;
  end: unknown;
  children: React.ReactNode;
}): React.ReactElement {
  const scroller = React.useRef<HTMLDivElement>(null);
  const following = React.useRef(true);
  React.useLayoutEffect(() => {
    if (scroller.current && following.current) {
      scroller.current.scrollTop = scroller.current.scrollHeight;
    }
  }, [end]);
  return (
    <div
      ref={scroller}
      className="jp-AppBuilder-drawerBody"
      role="tabpanel"
      id={id}
      aria-labelledby={labelledBy}
      tabIndex={0}
      onScroll={event => {
        const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
        following.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
      }}
    >
      {children}
    </div>
  );
}

function Listing({ empty, children }: { empty: string; children: React.ReactNode }): React.ReactElement {
  return React.Children.toArray(children).length === 0 ? (
    <p className="jp-AppBuilder-note">{empty}</p>
  ) : (
    <ol className="jp-AppBuilder-records">{children}</ol>
  );
}

function Line({ kept: { record, times }, trans }: { kept: Kept<ConsoleLine>; trans: Translation }): React.ReactElement {
  const { level, text, source, at } = record;
  const names: Partial<Record<ConsoleLine['level'], string>> = {
    error: trans.__('Error'),
    warn: trans.__('Warning')
  };
  if (level === 'load') {
    return <li className="jp-AppBuilder-line jp-mod-load">{trans.__('Page %1 loaded', text)}</li>;
  }
  return (
    <li className={`jp-AppBuilder-line jp-mod-${level}`}>
      <time className="jp-AppBuilder-lineTime" dateTime={new Date(at).toISOString()}>
        {clock(at)}
      </time>
      <span className="jp-AppBuilder-lineLevel">
        {names[level] && <Icon name="alert" />}
        {names[level] && <span className="jp-AppBuilder-hidden">{names[level]}</span>}
      </span>
      <span className="jp-AppBuilder-lineText">{text}</span>
      {times > 1 && (
        <span className="jp-AppBuilder-tally" title={trans.__('%1 times in a row', times)}>
          ×{times}
        </span>
      )}
      {source !== '' && <span className="jp-AppBuilder-lineSource">{source}</span>}
    </li>
  );
}

function Call({ kept: { record }, trans }: { kept: Kept<PageCall>; trans: Translation }): React.ReactElement {
  const { at, method, url, status, how, ms } = record;
  const failed = isProblem(record);
  return (
    <li className={`jp-AppBuilder-line${failed ? ' jp-mod-error' : ''}`}>
      <time className="jp-AppBuilder-lineTime" dateTime={new Date(at).toISOString()}>
        {clock(at)}
      </time>
      <span className="jp-AppBuilder-lineLevel">{failed && <Icon name="alert" />}</span>
      <span className="jp-AppBuilder-callMethod">{method}</span>
      <span className="jp-AppBuilder-lineText">{url}</span>
      <span className="jp-AppBuilder-callStatus">{outcome(status, how, trans)}</span>
      <span className="jp-AppBuilder-lineSource">{trans.__('%1 ms', ms)}</span>
    </li>
  );
}

function outcome(status: number, how: string, trans: Translation): string {
  switch (how) {
    case 'aborted':
      return trans.__('cancelled');
    case 'could not be reached':
      return trans.__('no answer');
    case 'could not be loaded':
      return trans.__('not loaded');
    default:
      return how || (status > 0 ? String(status) : '–');
  }
}

function Found({
  finding,
  onFix,
  trans
}: {
  finding: Finding;
  onFix: ((finding: Finding) => void) | null;
  trans: Translation;
}): React.ReactElement {
  const { message, source, stack } = finding;
  return (
    <li className="jp-AppBuilder-finding">
      <Icon name="alert" />
      <div>
        <p className="jp-AppBuilder-lineText">{message}</p>
        {source && <p className="jp-AppBuilder-lineSource">{source}</p>}
        {stack && stack !== message && (
          <details>
            <summary>{trans.__('Where it happened')}</summary>
            <pre tabIndex={0}>{stack}</pre>
          </details>
        )}
      </div>
      {onFix && (
        <button
          type="button"
          className="jp-AppBuilder-button"
          title={trans.__('Puts it into your request; you send it')}
          onClick={() => onFix(finding)}
        >
          <Icon name="wrench" />
          {trans.__('Fix it')}
        </button>
      )}
      <CopyButton text={() => wordedFinding(finding)} />
    </li>
  );
}

function CopyButton({ text }: { text: () => string }): React.ReactElement {
  const trans = useTranslation();
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    const timer = copied ? setTimeout(() => setCopied(false), 2000) : undefined;
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton
      icon={copied ? 'check' : 'copy'}
      label={copied ? trans.__('Copied') : trans.__('Copy')}
      onClick={() =>
        void navigator.clipboard?.writeText(text()).then(
          () => setCopied(true),
          () => undefined
        )
      }
    />
  );
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString(spoken(), { hour12: false });
}
