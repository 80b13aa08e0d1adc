import * as React from 'react';
import type { Mode } from '../wire/events';
import type { Translation } from '../controls/translation';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

export function modeTitle(mode: Mode, trans: Translation): string {
  return { build: trans.__('Build'), plan: trans.__('Plan'), ask: trans.__('Ask') }[mode];
}

function modeHint(mode: Mode, trans: Translation): string {
  return {
    build: trans.__('The agent changes the app.'),
    plan: trans.__('The agent reads the app and writes a plan. You edit it and have it built.'),
    ask: trans.__('The agent answers about the app. It changes nothing.')
  }[mode];
}

/** What the next request is for. One choice of several: arrows move it. */
export function ModeChooser({
  modes,
  mode,
  onChoose,
  disabled = ''
}: {
  modes: readonly Mode[];
  mode: Mode;
  onChoose: (mode: Mode) => void;
  /** Why only this mode can be had; empty when there is a choice. */
  disabled?: string;
}): React.ReactElement {
  const trans = useTranslation();
  const name = React.useId();
  return (
    <div className="jp-AppBuilder-modes" role="radiogroup" aria-label={trans.__('Mode')}>
      {modes.map(choice => (
        <label
          key={choice}
          className={choice === mode ? 'jp-mod-chosen' : undefined}
          title={choice !== mode && disabled ? disabled : modeHint(choice, trans)}
        >
          <input
            type="radio"
            name={name}
            value={choice}
            checked={choice === mode}
            disabled={choice !== mode && disabled !== ''}
            onChange={() => onChoose(choice)}
          />
          {modeTitle(choice, trans)}
        </label>
      ))}
    </div>
  );
}

/** Says beside a request that it was no request to build. */
export function ModeTag({ mode }: { mode: Mode }): React.ReactElement | null {
  const trans = useTranslation();
  return mode === 'build' ? null : (
    <span className="jp-AppBuilder-tag jp-AppBuilder-modeTag" title={modeHint(mode, trans)}>
      <Icon name={mode === 'plan' ? 'plan' : 'question'} />
      {mode === 'plan' ? trans.__('Plan') : trans.__('Question')}
    </span>
  );
}
