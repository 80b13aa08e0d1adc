/** One publishing while it goes on: its steps, and what the target says. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Icon, Spinner } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { plainly } from '../feed/plainly';
import { Elapsed } from '../feed/ToolCard';
import type { PublishingStatus, PublishingStep } from '../wire/events.generated';

/** From so many pixels above its end a log that is read is not moved. */
const AT_END = 30;

export function Steps({ publishing, target }: { publishing: PublishingStatus; target: string }): React.ReactElement {
  const trans = useTranslation();
  const { steps, log, state } = publishing;
  const running = steps.find(step => step.state === 'running');
  return (
    <>
      <ol className="jp-AppBuilder-publishSteps" aria-label={trans.__('Steps')}>
        {steps.map(step => (
          <li key={step.step} className={`jp-mod-${step.state}`} aria-current={step.state === 'running' || undefined}>
            <Mark state={step.state} asks={state === 'waiting'} />
            <div>
              <span>
                <span className="jp-AppBuilder-hidden">{stateTitle(step.state, trans)}</span>{' '}
                {stepTitle(step.step, target, trans)} {step.state === 'running' && state === 'running' && <Since />}
              </span>
              {step.message !== '' && <span className="jp-AppBuilder-hint">{step.message}</span>}
            </div>
          </li>
        ))}
      </ol>
      <span className="jp-AppBuilder-hidden" role="status">
        {running
          ? stepTitle(running.step, target, trans)
          : state === 'waiting'
            ? trans.__('It waits for your decision.')
            : ''}
      </span>
      {log !== '' && (
        <Log text={log} opens={state === 'failed' || (state === 'running' && running?.step === 'hand_over')} />
      )}
    </>
  );
}

/** How long a step has been seen to run. */
function Since(): React.ReactElement {
  const [since] = React.useState(() => new Date().toISOString());
  return <Elapsed since={since} />;
}

/** What the target says; its end is in view until the person looks further up. */
function Log({ text, opens }: { text: string; opens: boolean }): React.ReactElement {
  const trans = useTranslation();
  const [chosen, setChosen] = React.useState<boolean | null>(null);
  const open = chosen ?? opens;
  const body = React.useId();
  const box = React.useRef<HTMLPreElement>(null);
  const follows = React.useRef(true);
  React.useLayoutEffect(() => {
    if (box.current && follows.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [text, open]);
  return (
    <div className="jp-AppBuilder-publishLog">
      <Disclosure body={body} open={open} onToggle={setChosen} className="jp-AppBuilder-button jp-mod-quiet">
        {trans.__('Log')}
      </Disclosure>
      {open && (
        <pre
          id={body}
          ref={box}
          className="jp-AppBuilder-output"
          tabIndex={0}
          aria-label={trans.__('Log')}
          onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
            follows.current = scrollHeight - scrollTop - clientHeight < AT_END;
          }}
        >
          {plainly(text)}
        </pre>
      )}
    </div>
  );
}

export function stepTitle(step: PublishingStep['step'], target: string, trans: Translation): string {
  switch (step) {
    case 'build':
      return trans.__('Build it');
    case 'check':
      return trans.__('Open it and look for errors');
    case 'scenarios':
      return trans.__('Try what it can do');
    case 'gate':
      return trans.__('Look for what readers should not get');
    case 'hand_over':
      return trans.__('Hand it over: %1', target);
    default:
      return step;
  }
}

function stateTitle(state: PublishingStep['state'], trans: Translation): string {
  return {
    waiting: trans.__('Still to come:'),
    running: trans.__('Now:'),
    done: trans.__('Done:'),
    failed: trans.__('Failed:'),
    skipped: trans.__('Left out:')
  }[state];
}

function Mark({
  state,
  asks
}: {
  state: PublishingStep['state'];
  /** It waits for the person. */
  asks: boolean;
}): React.ReactElement {
  switch (state) {
    case 'running':
      return asks ? <Icon name="question" className="jp-mod-asks" /> : <Spinner />;
    case 'done':
      return <Icon name="check" className="jp-mod-ok" />;
    case 'failed':
      return <Icon name="alert" className="jp-mod-bad" />;
    case 'skipped':
      return <Icon name="minus" />;
    default:
      return <span className="jp-AppBuilder-publishDot" aria-hidden="true" />;
  }
}
