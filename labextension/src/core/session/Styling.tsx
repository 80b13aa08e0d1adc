/** The simple styles of what was pointed at, beside the page: tried on there at once, written when the person says so. */

import * as React from 'react';
import { Failure } from '../controls/Failure';
import { Icon, Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { SessionStore } from '../view/store';
import type { StyleChoice, StyleProperty, Styles } from '../wire/api.generated';
import { RequestFailed } from '../wire/wire';
import type { PageMessage } from './pageMessages';
import { described } from './PointedChips';
import { chipsOf, type Chip } from './pointed';

type Css = Readonly<Record<string, string>>;
type Chosen = Readonly<Partial<Record<StyleProperty, string>>>;

const WORN_MS = 2000; // what was written shows in the page by then

export interface Styling {
  chip: Chip | null;
  /** How many elements are written at the same place. */
  alike: number;
  /** What is in it lies in rows or columns. */
  flows: boolean;
  wear: (chip: Chip, css: Css | null) => void;
  heard: (message: PageMessage) => void;
  close: () => void;
}

/** `tell` asks the page in the frame. */
export function useStyling(
  store: SessionStore,
  able: boolean,
  tell: (selector: string, css: Css | null) => void
): Styling {
  const session = store.get().view.session?.id ?? '';
  const chips = chipsOf(session);
  React.useSyncExternalStore(chips.subscribe, chips.get);
  const [{ alike, flows }, setAnswer] = React.useState({ alike: 1, flows: false });
  const told = React.useRef(tell);
  told.current = tell;
  const chip = able && store.transport.changeStyle ? chips.styled() : null;
  return {
    chip,
    alike,
    flows,
    wear: React.useCallback(({ claim }, css) => told.current(claim.selector ?? '', css), []),
    heard: message => {
      if (message.type === 'styled') {
        setAnswer({ alike: message.alike, flows: message.flows });
      } else if (message.type === 'pointing') {
        chips.style(0); // Esc in the page
      }
    },
    close: () => chips.style(0)
  };
}

export function StyleInspector({
  store,
  chip,
  styling,
  busy
}: {
  store: SessionStore;
  chip: Chip;
  styling: Styling;
  busy: boolean;
}): React.ReactElement {
  const trans = useTranslation();
  const { compose } = useHost();
  const { transport } = store;
  const { wear, alike, flows, close } = styling;
  const [styles, setStyles] = React.useState<Styles | null>(null);
  const [chosen, setChosen] = React.useState<Chosen>({});
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const [saving, setSaving] = React.useState(false);
  const [written, setWritten] = React.useState(0);
  const root = React.useRef<HTMLElement>(null);
  const what = described(chip.found, trans);

  React.useEffect(() => {
    let wanted = true;
    transport.styles?.(chip.claim).then(
      found => wanted && setStyles(found),
      (error: unknown) => wanted && setFailure(RequestFailed.from(error))
    );
    return () => {
      wanted = false;
    };
  }, [transport, chip, written]);
  React.useEffect(() => root.current?.focus({ preventScroll: true }), []);
  // The page wears what is chosen, and what it wore before as soon as this is closed.
  const css = JSON.stringify(cssOf(styles, chosen));
  const wanted = Object.fromEntries(
    (styles?.choices ?? []).flatMap(({ property, now }) => {
      const name = chosen[property];
      return name === undefined || name === now ? [] : [[property, name]];
    })
  );
  const changed = Object.keys(wanted).length > 0;
  React.useEffect(() => wear(chip, JSON.parse(css) as Css), [wear, chip, css]);
  React.useEffect(() => () => wear(chip, null), [wear, chip]);

  const leave = (): void => {
    if (written > 0) {
      const session = store.get().view.session?.id ?? '';
      chipsOf(session).remove(chip.key); // it was pointed at for this
    }
    close();
  };
  const save = (): void => {
    setSaving(true);
    setFailure(null);
    transport.changeStyle?.(chip.claim, wanted).then(
      () => {
        setSaving(false);
        setWritten(times => times + 1);
        // Worn until the page shows what was written.
        window.setTimeout(() => setChosen(known => (known === chosen ? {} : known)), WORN_MS);
      },
      (error: unknown) => {
        setSaving(false);
        setFailure(RequestFailed.from(error));
      }
    );
  };
  const ask = (): void => {
    const said = Object.entries(wanted).map(
      ([property, name]) => `${labelOf(property as StyleProperty, trans)}: ${name}`
    );
    compose?.(
      said.length > 0
        ? trans.__('Change the style of %1: %2.', what, said.join(', '))
        : trans.__('Change the style of %1: ', what)
    );
    close();
  };
  const askButton = compose && (
    <button
      type="button"
      className="jp-AppBuilder-button"
      title={trans.__('Puts it into your request; you send it')}
      onClick={ask}
    >
      {trans.__('Ask the agent')}
    </button>
  );
  const unable = styles?.choices.filter(({ why }) => why !== '') ?? [];
  return (
    <section
      ref={root}
      className="jp-AppBuilder-styling"
      tabIndex={-1}
      aria-label={trans.__('Style of %1', what)}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          leave();
        }
      }}
    >
      <div className="jp-AppBuilder-stylingTitle">
        <Icon name="sliders" />
        <strong className="jp-AppBuilder-ellipsis" dir="auto" title={what}>
          {what}
        </strong>
        {styles?.file !== undefined && (
          <span
            className="jp-AppBuilder-note jp-AppBuilder-ellipsis"
            dir="ltr"
            title={styles.file}
          >{`${styles.file}:${styles.line ?? 1}`}</span>
        )}
        <IconButton icon="cross" label={trans.__('Close the styles (Esc)')} onClick={leave} />
      </div>
      {styles === null ? (
        !failure && <Spinner />
      ) : styles.why !== '' ? (
        <p className="jp-AppBuilder-stylingNote">
          {styles.why} {askButton}
        </p>
      ) : (
        <>
          <div className="jp-AppBuilder-stylingChoices">
            {styles.choices
              .filter(({ property, now, why }) => why === '' && (property !== 'gap' || flows || now !== ''))
              .map(choice => (
                <Choice
                  key={choice.property}
                  choice={choice}
                  chosen={chosen[choice.property]}
                  onChoose={name => setChosen(known => ({ ...known, [choice.property]: name }))}
                />
              ))}
          </div>
          {unable.length > 0 && (
            <p className="jp-AppBuilder-stylingNote">
              {unable.map(({ property }) => labelOf(property, trans)).join(', ')}: {unable[0]?.why} {askButton}
            </p>
          )}
          {alike > 1 && (
            <p className="jp-AppBuilder-stylingNote">
              {trans._n(
                '%1 element is written there.',
                'It is written once and shown %1 times: all of them change.',
                alike
              )}
            </p>
          )}
        </>
      )}
      {failure && <Failure error={failure}>{failure.reason === 'no_style' && askButton}</Failure>}
      {styles !== null && styles.why === '' && (
        <div className="jp-AppBuilder-stylingActs">
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-primary"
            disabled={!changed || saving || busy}
            title={
              busy
                ? trans.__('The agent works: wait until it is done.')
                : trans.__('Changes the source at once, without the agent')
            }
            onClick={save}
          >
            {trans.__('Change')}
          </button>
          <button type="button" className="jp-AppBuilder-button" onClick={leave}>
            {changed ? trans.__('Cancel') : trans.__('Done')}
          </button>
          <span role="status" className="jp-AppBuilder-note">
            {alike === 0 && changed
              ? trans.__('It is not on this page now.')
              : written > 0 && !changed
                ? trans.__('Changed, as an edit that can be undone.')
                : ''}
          </span>
        </div>
      )}
    </section>
  );
}

function Choice({
  choice: { property, now, steps },
  chosen,
  onChoose
}: {
  choice: StyleChoice;
  chosen: string | undefined;
  onChoose: (name: string) => void;
}): React.ReactElement | null {
  const trans = useTranslation();
  const id = React.useId();
  const label = labelOf(property, trans);
  const value = chosen ?? now;
  const isStep = steps.some(({ name }) => name === now);
  if (steps.length === 0) {
    return null;
  }
  if (property === 'color') {
    return (
      <fieldset className="jp-AppBuilder-swatches">
        <legend>
          {label} <span className="jp-AppBuilder-note">{value === '' ? trans.__('not set') : value}</span>
        </legend>
        {steps.map(({ name, swatch }) => (
          <label key={name} title={name}>
            <input type="radio" name={id} aria-label={name} checked={name === value} onChange={() => onChoose(name)} />
            <span aria-hidden="true" style={{ background: swatch }} />
          </label>
        ))}
      </fieldset>
    );
  }
  return (
    <label className="jp-AppBuilder-stylingChoice">
      {label}
      <select className="jp-AppBuilder-select" value={value} onChange={event => onChoose(event.target.value)}>
        {!isStep && <option value={now}>{now === '' ? trans.__('not set') : now}</option>}
        {steps.map(({ name, css }) => (
          <option key={name} value={name}>
            {property === 'weight' ? name : `${name} · ${Object.values(css)[0] ?? ''}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function labelOf(property: StyleProperty, trans: Translation): string {
  const labels: Record<StyleProperty, string> = {
    size: trans.__('Text size'),
    weight: trans.__('Weight'),
    color: trans.__('Text colour'),
    padding: trans.__('Space inside'),
    margin: trans.__('Space above and below'),
    gap: trans.__('Space between')
  };
  return labels[property];
}

/** What the page is to wear for what is chosen. */
function cssOf(styles: Styles | null, chosen: Chosen): Css {
  return Object.assign(
    {},
    ...(styles?.choices ?? []).map(
      ({ property, steps }) => steps.find(({ name }) => name === chosen[property])?.css ?? {}
    )
  ) as Css;
}
