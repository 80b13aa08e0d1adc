import * as React from 'react';
import { Icon, type IconName } from './Icon';
import { useLeave } from './leave';

export interface MenuEntry {
  label: string;
  icon: IconName;
  run: () => void;
  danger?: boolean;
}

/** A button with a menu: arrows move, Escape closes and gives the focus back, as in the ARIA menu-button pattern. */
export function MenuButton({
  label,
  entries,
  tabIndex,
  icon = 'more',
  text,
  title = label,
  up = false
}: {
  label: string;
  icon?: IconName;
  /** Stands beside the icon, which makes a chip of the button. */
  text?: string;
  /** More than the label, where the pointer rests on it. */
  title?: string;
  /** The menu opens above the button. */
  up?: boolean;
  entries: readonly MenuEntry[];
  /** -1 where other keys than Tab lead to it. */
  tabIndex?: number;
}): React.ReactElement {
  const [open, setOpen] = React.useState(false);
  const root = React.useRef<HTMLDivElement>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const menu = React.useRef<HTMLDivElement>(null);
  const id = React.useId();

  useLeave(root, open, () => setOpen(false));
  React.useEffect(() => {
    if (open) {
      items(menu.current)[0]?.focus();
    }
  }, [open]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const all = items(menu.current);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const move: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1
    };
    const to = move[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') {
      setOpen(false);
      button.current?.focus();
    } else if (to !== undefined) {
      all[to]?.focus();
    } else {
      return;
    }
    if (event.key !== 'Tab') {
      event.preventDefault();
    }
    event.stopPropagation();
  };

  return (
    <div className="jp-AppBuilder-menuRoot" ref={root}>
      <button
        type="button"
        ref={button}
        className={text === undefined ? 'jp-AppBuilder-iconButton' : 'jp-AppBuilder-chip'}
        tabIndex={tabIndex}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={label}
        title={title}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} className={icon === 'more' ? 'jp-mod-bold' : undefined} />
        {text}
      </button>
      {open && (
        <div
          className={`jp-AppBuilder-menu${up ? ' jp-mod-up' : ''}`}
          role="menu"
          aria-label={label}
          id={id}
          ref={menu}
          onKeyDown={onKeyDown}
        >
          {entries.map(entry => (
            <button
              key={entry.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className={entry.danger ? 'jp-mod-danger' : undefined}
              onClick={() => {
                setOpen(false);
                button.current?.focus();
                entry.run();
              }}
            >
              <Icon name={entry.icon} />
              {entry.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function items(menu: HTMLElement | null): HTMLElement[] {
  return Array.from(menu?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? []);
}
