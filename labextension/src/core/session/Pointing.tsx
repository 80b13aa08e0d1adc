/** Pointing at things in the app's page: they become chips in the panel's box. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import { RequestFailed } from '../wire/wire';
import type { SessionStore } from '../view/store';
import type { PageMessage } from './pageMessages';
import { justActed } from './pageRequests';
import { described } from './PointedChips';
import { chipsOf, MOST_CHIPS } from './pointed';

export interface Pointing {
  on: boolean;
  toggle: () => void;
  /** What the page said; it counts while the person points, right after they acted. */
  heard: (message: PageMessage) => void;
  /** What was chosen last, or why it could not be. */
  said: string;
  failure: RequestFailed | null;
  /** Look at the style of what was chosen last; null where there is none to look at. */
  style: (() => void) | null;
}

/** `tell` asks the page in the frame. */
export function usePointing(store: SessionStore, able: boolean, tell: (on: boolean) => void): Pointing {
  const trans = useTranslation();
  const [on, setOn] = React.useState(false);
  const [said, setSaid] = React.useState('');
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const asking = React.useRef({ on, tell });
  asking.current = { on, tell };
  const looking = React.useRef(0);
  const { point, picturePointed } = store.transport;
  const session = store.get().view.session?.id ?? '';

  const set = React.useCallback((next: boolean): void => {
    setOn(next);
    setSaid('');
    setFailure(null);
    asking.current.tell(next);
  }, []);
  React.useEffect(() => {
    if (!able && asking.current.on) {
      set(false);
    }
  }, [able, set]);
  // Where the page has no keyboard focus: the button has it, or the panel.
  React.useEffect(() => {
    if (!on) {
      return;
    }
    const leave = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        set(false);
      }
    };
    window.addEventListener('keydown', leave);
    return () => window.removeEventListener('keydown', leave);
  }, [on, set]);

  const heard = React.useCallback(
    (message: PageMessage): void => {
      if (!asking.current.on) {
        return;
      }
      if (message.type === 'pointing') {
        set(false);
      } else if (message.type === 'ready' || message.type === 'navigated') {
        asking.current.tell(true); // another page, which was not told yet
      } else if (message.type === 'pointed' && point && justActed()) {
        setFailure(null);
        const chips = chipsOf(session);
        if (chips.get().length + looking.current >= MOST_CHIPS) {
          setSaid(trans.__('%1 are enough for one request: take some out first.', MOST_CHIPS));
          return;
        }
        looking.current += 1; // however much the page says meanwhile
        const looked = point(message.claim);
        looked.then(
          answer => {
            chips.add(message.claim, answer);
            const what = trans.__('%1 stands in the box of your next request.', described(answer.pointed, trans));
            setSaid(what);
            picturePointed?.(message.claim).then(
              picture => chips.show(message.claim, picture),
              // It goes along without one.
              (error: unknown) => setSaid(`${what} ${RequestFailed.from(error).message}`)
            );
          },
          (error: unknown) => setFailure(RequestFailed.from(error))
        );
        void looked.catch(() => undefined).finally(() => (looking.current -= 1));
      }
    },
    [point, picturePointed, session, set, trans]
  );
  const toggle = React.useCallback(() => set(!asking.current.on), [set]);
  const chips = chipsOf(session);
  const latest = React.useSyncExternalStore(chips.subscribe, chips.latest);
  const canStyle = store.transport.changeStyle && latest && !latest.found.box && chips.styled() !== latest;
  // Sent, taken out or changed in its place: it is in no box any more.
  return {
    on,
    toggle,
    heard,
    said: latest ? said : '',
    failure,
    style: canStyle ? () => chips.style(latest.key) : null
  };
}

/** A menu of the page that closes when it loses the focus stays open, to be pointed at. */
export function PointButton({ pointing, disabled }: { pointing: Pointing; disabled: boolean }): React.ReactElement {
  const trans = useTranslation();
  return (
    <IconButton
      icon="point"
      label={trans.__('Point at it')}
      onClick={pointing.toggle}
      pressed={pointing.on}
      disabled={disabled}
      leavesFocus
    />
  );
}

/** How to point, while one does, and what was chosen. */
export function PointNotice({ pointing }: { pointing: Pointing }): React.ReactElement | null {
  const trans = useTranslation();
  if (!pointing.on) {
    return null;
  }
  return (
    <div className="jp-AppBuilder-pageNotice" role="status">
      <Icon name={pointing.failure ? 'alert' : 'point'} />
      <span className="jp-AppBuilder-pageNoticeText">
        {pointing.failure?.message ||
          pointing.said ||
          trans.__('Click on something in the page, or drag a box around a region.')}
      </span>
      {pointing.style && (
        <button type="button" className="jp-AppBuilder-button" onClick={pointing.style}>
          <Icon name="sliders" />
          {trans.__('Style')}
        </button>
      )}
      <button type="button" className="jp-AppBuilder-button" onClick={pointing.toggle}>
        {trans.__('Done (Esc)')}
      </button>
    </div>
  );
}
