/** "12 of 12 things work": what the app can do, as it was tried last. */

import * as React from 'react';
import { Disclosure } from '../controls/Disclosure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import type { TurnActions } from '../feed/actions';
import { whyItFails } from '../feed/outcomes';
import type { Scenario } from '../view/items';

export function Scenarios({
  scenarios,
  actions
}: {
  scenarios: ReadonlyMap<string, Scenario>;
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
  const well = all.filter(one => one.ok).length;
  const untried = all.filter(one => one.untried).length;
  const attempt = (names: readonly string[]): void => {
    setTrying(new Set(names));
    const tried = actions.transport
      .tryScenarios(names.length === all.length ? undefined : names)
      .finally(() => setTrying(NONE));
    actions.attempt(tried);
  };
  const { watchScenario } = actions.transport;
  const watch = (name: string): void => {
    showPreview?.();
    setTrying(new Set([name]));
    actions.attempt((watchScenario?.(name) ?? Promise.resolve()).finally(() => setTrying(NONE)));
  };
  const resting = trying.size === 0 && !actions.busy && actions.owned;
  return (
    <section className="jp-AppBuilder-scenarios" aria-label={trans.__('What works')}>
      <div className="jp-AppBuilder-scenariosHead">
        <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
          <Mark ok={well === all.length} untried={well + untried === all.length} />
          <span>
            {trans._n('%2 of %1 thing works', '%2 of %1 things work', all.length, well)}
            {untried > 0 && `, ${trans.__('%1 not tried', untried)}`}
          </span>
        </Disclosure>
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
      </div>
      {open && (
        <ul id={body} className="jp-AppBuilder-scenarioList">
          {all.map(one => (
            <li key={one.name}>
              {trying.has(one.name) ? <Spinner /> : <Mark ok={one.ok} untried={one.untried === true} />}
              <div className="jp-AppBuilder-scenarioText">
                <span>
                  <span className="jp-AppBuilder-hidden">
                    {one.untried ? trans.__('Not tried:') : one.ok ? trans.__('Works:') : trans.__('Fails:')}
                  </span>{' '}
                  {one.title}
                </span>
                {!one.ok && (
                  <span className="jp-AppBuilder-hint">
                    {one.untried ? trans.__('Not tried since something changed.') : whyItFails(one, trans)}
                  </span>
                )}
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

function Mark({ ok, untried }: { ok: boolean; untried: boolean }): React.ReactElement {
  return ok ? (
    <Icon name="check" className="jp-mod-ok" />
  ) : untried ? (
    <Icon name="clock" />
  ) : (
    <Icon name="alert" className="jp-mod-bad" />
  );
}

const NONE: ReadonlySet<string> = new Set();
