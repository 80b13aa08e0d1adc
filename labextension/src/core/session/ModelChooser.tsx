import * as React from 'react';
import type { ModelChoice } from '../wire/transport';
import { Icon } from '../controls/Icon';
import { useLeave } from '../controls/leave';
import { useTranslation } from '../controls/surroundings';

/** More are found by typing. */
const SHOWN = 100;

/**
 * A model, of any number: the list is searched as one types, and a name that it does not hold can be used too.
 * The field is a combobox (ARIA) in a popup below or above the button, as wide as the element that is positioned.
 */
export function ModelChooser({
  label,
  models,
  chosen,
  onChoose,
  up = false,
  disabled = false,
  title
}: {
  label: string;
  models: readonly ModelChoice[];
  /** Its id. */
  chosen: string;
  onChoose: (id: string) => void;
  /** The popup opens above. */
  up?: boolean;
  disabled?: boolean;
  title?: string;
}): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const [text, setText] = React.useState('');
  const [at, setAt] = React.useState(0);
  const root = React.useRef<HTMLSpanElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const list = React.useRef<HTMLUListElement>(null);
  const id = React.useId();
  const name = models.find(choice => choice.id === chosen)?.title ?? (chosen || trans.__('Choose a model'));

  useLeave(root, open, () => setOpen(false));
  React.useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: 'nearest' });
  }, [at, open]);

  const found = open ? matching(models, text) : [];
  const options = [...found.slice(0, SHOWN), ...(open ? unlisted(models, text) : [])];
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  const choose = (choice: ModelChoice | undefined): void => {
    if (choice) {
      onChoose(choice.id);
      close();
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    if (step !== undefined) {
      setAt(Math.max(0, Math.min(options.length - 1, at + step)));
    } else if (event.key === 'Enter') {
      choose(options[at]);
    } else if (event.key === 'Escape') {
      close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className="jp-AppBuilder-modelChooser" ref={root}>
      <button
        type="button"
        ref={button}
        className="jp-AppBuilder-select jp-AppBuilder-modelButton"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`${label}: ${name}`}
        title={title ?? chosen}
        disabled={disabled}
        onClick={() => {
          setText('');
          setAt(
            Math.max(
              0,
              models.findIndex(choice => choice.id === chosen)
            )
          );
          setOpen(!open);
        }}
      >
        <span className="jp-AppBuilder-ellipsis">{name}</span>
        <Icon name="chevron" className="jp-AppBuilder-chevron" />
      </button>
      {open && (
        <div
          className={`jp-AppBuilder-modelPopup ${up ? 'jp-mod-up' : ''}`}
          role="dialog"
          aria-label={label}
          onKeyDown={onKeyDown}
        >
          <input
            className="jp-AppBuilder-input"
            role="combobox"
            aria-label={trans.__('Search, or the name of a model')}
            aria-expanded="true"
            aria-autocomplete="list"
            aria-controls={`${id}-list`}
            aria-activedescendant={options[at] ? `${id}-${at}` : undefined}
            placeholder={trans.__('Search, or provider:name')}
            spellCheck={false}
            autoFocus
            value={text}
            onChange={event => {
              setText(event.target.value);
              setAt(0);
            }}
          />
          <ul className="jp-AppBuilder-modelList" role="listbox" id={`${id}-list`} aria-label={label} ref={list}>
            {options.map((choice, index) => (
              <li
                key={choice.id}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === at}
                data-model={choice.id}
                title={choice.id}
                onPointerDown={event => event.preventDefault()} // the field keeps the focus
                onClick={() => choose(choice)}
              >
                <span className="jp-AppBuilder-ellipsis">
                  {models.includes(choice) ? choice.title : trans.__('Use “%1”', choice.id)}
                </span>
                <span className="jp-AppBuilder-note">{choice.recorded ? '' : choice.provider}</span>
                {choice.id === chosen && <Icon name="check" />}
              </li>
            ))}
          </ul>
          <p className="jp-AppBuilder-note" role="status">
            {options.length === 0
              ? trans.__('No model has that name. Write provider:name to use one that is not listed.')
              : found.length > SHOWN
                ? trans.__('%1 more: type to find them.', found.length - SHOWN)
                : ''}
          </p>
        </div>
      )}
    </span>
  );
}

/** Those that hold every word, the ones that begin with the text first. */
function matching(models: readonly ModelChoice[], text: string): readonly ModelChoice[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter(word => word !== '');
  if (words.length === 0) {
    return models;
  }
  const found = models.filter(choice => {
    const told = `${choice.id} ${choice.title}`.toLowerCase();
    return words.every(word => told.includes(word));
  });
  const begins = (choice: ModelChoice): boolean => choice.title.toLowerCase().startsWith(words[0] ?? '');
  return [...found.filter(begins), ...found.filter(choice => !begins(choice))];
}

/** What was written as a model of each provider in use, unless the list holds it. */
function unlisted(models: readonly ModelChoice[], text: string): ModelChoice[] {
  const name = text.trim();
  const providers = [...new Set(models.filter(choice => !choice.recorded).map(choice => choice.provider))];
  if (name === '' || /\s/.test(name) || models.some(choice => choice.id === name || choice.title === name)) {
    return [];
  }
  const [before = '', after = ''] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)];
  const whole = name.includes(':') && /^[a-z][\w-]*$/i.test(before) && after !== '';
  const ids =
    whole && (providers.includes(before) || providers.length === 0)
      ? [name]
      : providers.map(provider => `${provider}:${name}`);
  return ids.map(id => ({ id, title: id, provider: id.slice(0, id.indexOf(':')), recorded: false }));
}
