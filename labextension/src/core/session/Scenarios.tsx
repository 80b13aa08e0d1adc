/** "12 of 12 things work": what the app can do, as it was tried last. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { TurnActions } from '../feed/actions';
import { whyItFails } from '../feed/outcomes';
import type { Scenario } from '../view/items';
import { RequestFailed } from '../wire/wire';

export function Scenarios({
  scenarios,
  running,
  actions
}: {
  scenarios: ReadonlyMap<string, Scenario>;
  /** The person's own try runs, begun here or elsewhere. */
  running: boolean;
  actions: TurnActions;
}): React.ReactElement | null {
  const trans = useTranslation();
  const { openFile, showPreview } = useHost();
  const [open, setOpen] = React.useState(false);
  const [trying, setTrying] = React.useState<ReadonlySet<string>>(NONE);
  const body = React.useId();
  if (scenarios.size === 0) {
    return null;
  }
  const all = [...scenarios.values()].sort((a, b) => BY_NUMBER.compare(a.title, b.title));
  const told = counted(all, trans);
  const attempt = (names: readonly string[]): void => {
    setTrying(new Set(names));
    const tried = actions.transport
      .tryScenarios(names.length === all.length ? undefined : names)
      .catch(unlessStopped)
      .finally(() => setTrying(NONE));
    actions.attempt(tried);
  };
  const { watchScenario } = actions.transport;
  const watch = (name: string): void => {
    showPreview?.();
    setTrying(new Set([name]));
    actions.attempt((watchScenario?.(name) ?? Promise.resolve()).finally(() => setTrying(NONE)));
  };
  const resting = trying.size === 0 && !running && !actions.busy && actions.owned;
  return (
    <section className="jp-AppBuilder-scenarios" aria-label={trans.__('What works')}>
      <div className="jp-AppBuilder-scenariosHead">
        <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
          <Mark how={told.how} />
          <span>{told.text}</span>
        </Disclosure>
        {running ? (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            aria-label={trans.__('Stop trying')}
            title={trans.__('Stop trying. What was not tried stays as it was.')}
            onClick={() => actions.attempt(actions.transport.stop())}
          >
            <Spinner />
            {trans.__('Stop')}
          </button>
        ) : (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-quiet"
            disabled={!resting}
            title={trans.__('Run all scenarios again in a separate browser. Data you stored is not changed.')}
            onClick={() => attempt(all.map(one => one.name))}
          >
            {trying.size > 0 ? <Spinner /> : <Icon name="play" />}
            {trans.__('Try all')}
          </button>
        )}
      </div>
      {open && (
        <ul id={body} className="jp-AppBuilder-scenarioList">
          {all.map(one => (
            <li key={one.name}>
              {trying.has(one.name) ? <Spinner /> : <Mark how={howOf(one)} />}
              <div className="jp-AppBuilder-scenarioText">
                <span>
                  <span className="jp-AppBuilder-hidden">{HOW(trans)[howOf(one)]}</span> {one.title}
                </span>
                <Hint scenario={one} />
              </div>
              <span className="jp-AppBuilder-scenarioActions">
                <IconButton
                  icon="play"
                  label={trans.__('Try: %1', one.title)}
                  disabled={!resting}
                  onClick={() => attempt([one.name])}
                />
                {watchScenario && showPreview && (
                  <IconButton
                    icon="eye"
                    label={trans.__('Watch it in the preview: %1', one.title)}
                    disabled={!resting}
                    onClick={() => watch(one.name)}
                  />
                )}
                {openFile && (
                  <IconButton
                    icon="pencil"
                    label={trans.__('Edit the steps: %1', one.title)}
                    onClick={() => openFile(`scenarios/${one.name}.yaml`)}
                  />
                )}
                <IconButton
                  icon="trash"
                  label={trans.__('Remove: %1', one.title)}
                  disabled={!resting}
                  onClick={() => actions.attempt(actions.transport.removeScenario(one.name))}
                />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const BY_NUMBER = new Intl.Collator(undefined, { numeric: true });

type How = 'works' | 'fails' | 'open';

/** How it is with one; open where the app changed since it was tried. */
function howOf({ ok, untried, before }: Scenario): How {
  return untried || before ? 'open' : ok ? 'works' : 'fails';
}

const HOW = (trans: Translation): Record<How, string> => ({
  works: trans.__('Works:'),
  fails: trans.__('Fails:'),
  open: trans.__('Not tried:')
});

/** What the line above the composer says of all of them. */
function counted(all: readonly Scenario[], trans: Translation): { how: How; text: string } {
  const many = (how: How): number => all.filter(one => howOf(one) === how).length;
  const open = many('open');
  const untried = all.filter(one => one.untried).length;
  const how = many('fails') > 0 ? 'fails' : open > 0 ? 'open' : 'works';
  const notTried = (count: number): string => (count > 0 ? `, ${trans.__('%1 not tried', count)}` : '');
  if (open === all.length && open > untried) {
    const worked = all.filter(one => one.ok).length;
    const text = trans._n(
      '%2 of %1 thing worked before the last change',
      '%2 of %1 things worked before the last change',
      all.length,
      worked
    );
    return { how, text: text + notTried(untried) };
  }
  const text = trans._n('%2 of %1 thing works', '%2 of %1 things work', all.length, many('works'));
  return { how, text: text + notTried(open) };
}

/** Why it fails, or why nobody knows. */
function Hint({ scenario }: { scenario: Scenario }): React.ReactElement | null {
  const trans = useTranslation();
  const { ok, untried, before } = scenario;
  const text = untried
    ? trans.__('Not tried since something changed.')
    : before
      ? ok
        ? trans.__('Worked before the last change.')
        : trans.__('Before the last change: %1', whyItFails(scenario, trans))
      : ok
        ? ''
        : whyItFails(scenario, trans);
  return text === '' ? null : <span className="jp-AppBuilder-hint">{text}</span>;
}

/** Whoever stopped it knows. */
function unlessStopped(error: unknown): void {
  if (RequestFailed.from(error).reason !== 'stopped') {
    throw error;
  }
}

function Mark({ how }: { how: How }): React.ReactElement {
  return how === 'works' ? (
    <Icon name="check" className="jp-mod-ok" />
  ) : how === 'open' ? (
    <Icon name="clock" />
  ) : (
    <Icon name="alert" className="jp-mod-bad" />
  );
}

const NONE: ReadonlySet<string> = new Set();
