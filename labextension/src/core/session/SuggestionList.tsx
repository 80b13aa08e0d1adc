import * as React from 'react';
import { flushSync } from 'react-dom';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import { triggerAt, type Suggest, type Suggestion, type Trigger } from './suggestions';

export interface Offered {
  trigger: Trigger;
  options: readonly Suggestion[];
  at: number;
}

export interface Suggestions {
  offered: Offered | null;
  id: string;
  /** Look at the text anew: it or the caret has changed. */
  look: (text: string, caret: number) => void;
  close: () => void;
  /** True where the key was one for the list. */
  onKeyDown: (event: React.KeyboardEvent) => boolean;
  choose: (suggestion: Suggestion) => void;
}

/** `replace` puts a text in the place of what was typed. */
export function useSuggestions(
  suggest: Suggest | undefined,
  replace: (trigger: Trigger, text: string) => void
): Suggestions {
  const [offered, setOffered] = React.useState<Offered | null>(null);
  const id = React.useId();
  const asked = React.useRef(0);
  const close = (): void => {
    asked.current += 1;
    setOffered(null);
  };
  const look = (text: string, caret: number): void => {
    const trigger = suggest ? triggerAt(text, caret) : null;
    if (!suggest || !trigger) {
      close();
      return;
    }
    const number = ++asked.current;
    Promise.resolve(suggest(trigger.trigger, trigger.query)).then(
      options => {
        if (asked.current === number) {
          setOffered(options.length > 0 ? { trigger, options, at: 0 } : null);
        }
      },
      () => undefined // nothing is offered then
    );
  };
  const choose = (suggestion: Suggestion): void => {
    if (offered) {
      close();
      // Before the act, which may lead to another screen: what was typed is not to be there again afterwards.
      flushSync(() => replace(offered.trigger, suggestion.insert ?? ''));
      suggestion.run?.();
    }
  };
  const onKeyDown = (event: React.KeyboardEvent): boolean => {
    if (!offered) {
      return false;
    }
    const { at, options } = offered;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      setOffered({ ...offered, at: (at + step + options.length) % options.length });
    } else if (event.key === 'Escape') {
      close();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey && options[at]) {
      choose(options[at]);
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  return { offered, id, look, close, onKeyDown, choose };
}

export function SuggestionList({ suggestions }: { suggestions: Suggestions }): React.ReactElement | null {
  const trans = useTranslation();
  const { offered, id, choose } = suggestions;
  const list = React.useRef<HTMLUListElement>(null);
  const at = offered?.at ?? 0;
  React.useEffect(() => {
    list.current?.children[at]?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  if (!offered) {
    return null;
  }
  return (
    <ul
      ref={list}
      className="jp-AppBuilder-suggestionList"
      role="listbox"
      id={`${id}-list`}
      aria-label={offered.trigger.trigger === '/' ? trans.__('Commands') : trans.__('Files, versions and variables')}
    >
      {offered.options.map((option, index) => (
        <li
          key={option.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === at}
          title={option.label}
          onPointerDown={event => event.preventDefault()} // the text keeps the focus
          onClick={() => choose(option)}
        >
          <Icon name={option.icon} />
          <span className="jp-AppBuilder-ellipsis">{option.label}</span>
          {option.detail && <span className="jp-AppBuilder-note jp-AppBuilder-ellipsis">{option.detail}</span>}
        </li>
      ))}
    </ul>
  );
}
