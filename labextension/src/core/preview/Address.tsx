import * as React from 'react';
import { useLeave } from '../controls/leave';
import { useTranslation } from '../controls/surroundings';
import { matchingRoutes, type Route } from './routes';

/** Where the page is; takes a path, or one of those that are known of the app. */
export function Address({
  path,
  routes,
  disabled,
  onAsk,
  onGo,
  children
}: {
  path: string;
  routes: readonly Route[];
  disabled: boolean;
  /** Somebody looks at the routes now: ask for them. */
  onAsk: () => void;
  onGo: (path: string) => void;
  children?: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const [typed, setTyped] = React.useState<string | null>(null);
  const [open, setOpen] = React.useState(false);
  const [at, setAt] = React.useState(-1);
  const root = React.useRef<HTMLSpanElement>(null);
  const list = React.useRef<HTMLUListElement>(null);
  const field = React.useRef<HTMLInputElement>(null);
  const id = React.useId();
  useLeave(root, open, () => setOpen(false));
  React.useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: 'nearest' });
  }, [at]);

  const found = open ? matchingRoutes(routes, typed) : [];
  const shown = open && found.length > 0;
  const show = (): void => {
    if (!open) {
      onAsk();
      setAt(-1);
      setOpen(true);
    }
  };
  const go = (to: string): void => {
    setOpen(false);
    onGo(to);
    field.current?.blur();
  };
  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      if (open) {
        setAt(Math.max(-1, Math.min(found.length - 1, at + step)));
      } else {
        show();
      }
    } else if (event.key === 'Enter') {
      go(found[at]?.path ?? event.currentTarget.value);
    } else if (event.key === 'Escape' && shown) {
      setOpen(false);
    } else if (event.key === 'Escape') {
      event.currentTarget.blur();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className="jp-AppBuilder-address" ref={root}>
      {children}
      <input
        ref={field}
        role="combobox"
        aria-label={trans.__('Page of the app')}
        aria-expanded={shown}
        aria-autocomplete="list"
        aria-controls={shown ? `${id}-list` : undefined}
        aria-activedescendant={shown && found[at] ? `${id}-${at}` : undefined}
        value={typed ?? path}
        disabled={disabled}
        spellCheck={false}
        autoComplete="off"
        onFocus={event => event.currentTarget.select()}
        onClick={show}
        onChange={event => {
          setTyped(event.target.value);
          show();
          setAt(-1);
        }}
        onBlur={() => {
          setTyped(null);
          setOpen(false);
        }}
        onKeyDown={onKeyDown}
      />
      {shown && (
        <ul
          className="jp-AppBuilder-modelList jp-AppBuilder-routes"
          role="listbox"
          id={`${id}-list`}
          aria-label={trans.__('Pages of the app')}
          ref={list}
        >
          {found.map((route, index) => (
            <li
              key={route.path}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              title={route.path}
              onPointerDown={event => event.preventDefault()} // the field keeps the focus
              onClick={() => go(route.path)}
            >
              <span className="jp-AppBuilder-ellipsis">{route.path}</span>
              {route.title !== '' && <span className="jp-AppBuilder-note">{route.title}</span>}
            </li>
          ))}
        </ul>
      )}
    </span>
  );
}
