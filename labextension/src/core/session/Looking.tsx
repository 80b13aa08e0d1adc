/**
 * A preview that looks at the app for the agent, where there is no browser, or shows a scenario: in a frame above the
 * person's own page, at an address and with a storage of its own. What the page answers is passed on and believed nowhere.
 */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import type { LookRequest, SessionStore } from '../view/store';
import { messageLimit, readMessage, withFinding, type Finding } from './pageMessages';

const FORGOTTEN_MS = 60_000;

/** What is looked at: an address, a width in px, and the title of a scenario that the person watches. */
export interface Look {
  url: string;
  width: number;
  title: string;
  /** The step that is done now. */
  said: string;
}

export interface Looking {
  look: Look | null;
  /** How a scenario went that was watched. */
  outcome: { ok: boolean; title: string; message: string } | null;
  frame: React.RefObject<HTMLIFrameElement>;
  stop: () => void;
  dismiss: () => void;
}

/** `url`: the app's address, null while it does not run. `pane` tells which preview was used last, `stage` whether it is in view. */
export function useLooking(
  store: SessionStore,
  url: string | null,
  resolve: (url: string) => string,
  pane: React.RefObject<HTMLElement>,
  stage: React.RefObject<HTMLElement>
): Looking {
  const [look, setLook] = React.useState<Look | null>(null);
  const [outcome, setOutcome] = React.useState<Looking['outcome']>(null);
  const frame = React.useRef<HTMLIFrameElement>(null);
  const stop = React.useRef<() => void>(() => undefined);
  const now = React.useRef({ url, resolve });
  now.current = { url, resolve };
  React.useEffect(() => {
    const { transport } = store;
    const viewer = Math.random().toString(36).slice(2);
    let used = performance.now();
    let open = false;
    let stopped = false;
    let asked: LookRequest | null = null; // what the page has to answer
    let findings: readonly Finding[] = [];

    const answer = (number: number, told: object | string): void => {
      const text = typeof told === 'string' ? told : JSON.stringify(told);
      transport.answerLook?.(number, viewer, text).catch(() => undefined); // who waits will see that none came
    };
    let forgotten = 0; // a timer: who looked has gone without a word
    const end = (): void => {
      window.clearTimeout(forgotten);
      open = false;
      asked = null;
      setLook(null);
    };
    const canLook = (): boolean => {
      const inView = (stage.current?.clientWidth ?? 0) > 0 && document.visibilityState === 'visible';
      const address = now.current.url;
      const ours = address !== null && new URL(address, location.href).origin === location.origin; // others cannot be asked
      return Boolean(transport.answerLook) && inView && ours && !open;
    };
    const post = (act: string, number: number, details: object = {}): void =>
      frame.current?.contentWindow?.postMessage(
        { source: 'jupyter-appbuilder', type: 'look', number, act, ...details },
        '*' // an opaque origin has no name; only this frame's window is told
      );
    const ask = (request: LookRequest): void => {
      asked = request;
      post(request.act, request.number, { ...request.details, watched: Boolean(request.details['said']) });
    };
    /** Another document is there: what was asked of the one before is asked again, or was done by leaving it. */
    const arrived = ({ act, number, details }: LookRequest): void => {
      const step = details['step'] as { do?: unknown } | undefined;
      if (act === 'open') {
        asked = null;
        answer(number, {});
      } else if (act === 'step' && step?.do !== 'expect' && step?.do !== 'wait') {
        post('arrived', number);
      } else {
        post(act, number, details);
      }
    };
    const requested = (request: LookRequest): void => {
      const { act, number, details } = request;
      if (act === 'offer') {
        if (canLook()) {
          answer(number, { idle: Math.round(performance.now() - used) });
        }
        return;
      }
      if (request.viewer !== viewer) {
        return;
      }
      window.clearTimeout(forgotten);
      forgotten = window.setTimeout(end, FORGOTTEN_MS);
      if (stopped && act !== 'open' && act !== 'end' && act !== 'outcome') {
        answer(number, { stopped: true });
        return;
      }
      switch (act) {
        case 'open':
          open = true;
          stopped = false;
          asked = request;
          findings = [];
          setOutcome(null);
          setLook({
            url: now.current.resolve(text(details['url'])),
            width: Number(details['width']) || 0,
            title: text(details['title']),
            said: ''
          });
          break;
        case 'findings':
          answer(number, { findings });
          break;
        case 'end':
          end();
          break;
        case 'outcome':
          setOutcome({ ok: details['ok'] === true, title: text(details['title']), message: text(details['message']) });
          break;
        default:
          if (details['said']) {
            setLook(known => known && { ...known, said: text(details['said']) });
          }
          ask(request);
      }
    };
    const heard = messageLimit();
    const listen = (event: MessageEvent): void => {
      if (!frame.current || event.source !== frame.current.contentWindow || !heard()) {
        return;
      }
      const message = readMessage(event.data);
      if (message?.type === 'finding') {
        findings = withFinding(findings, message.finding);
      } else if (message?.type === 'looked' && asked) {
        if (message.number === 0) {
          arrived(asked);
        } else if (message.number === asked.number) {
          asked = null;
          answer(message.number, message.answer);
        }
      }
    };
    stop.current = () => {
      stopped = true;
      if (asked) {
        answer(asked.number, { stopped: true });
      }
      end();
    };
    const use = (): void => {
      used = performance.now();
    };
    const element = pane.current;
    element?.addEventListener('pointerdown', use, true);
    element?.addEventListener('focusin', use);
    window.addEventListener('message', listen);
    const forget = store.onLook(requested);
    return () => {
      if (asked) {
        answer(asked.number, { gone: true });
      }
      forget();
      window.clearTimeout(forgotten);
      element?.removeEventListener('pointerdown', use, true);
      element?.removeEventListener('focusin', use);
      window.removeEventListener('message', listen);
    };
  }, [store, pane, stage]);
  return { look, outcome, frame, stop: () => stop.current(), dismiss: () => setOutcome(null) };
}

/** The line that says what is going on in the preview, with the way to stop it. */
export function LookNotice({ looking }: { looking: Looking }): React.ReactElement | null {
  const trans = useTranslation();
  const { look, outcome, stop, dismiss } = looking;
  if (look) {
    const agent = trans.__('The agent is trying the app. Your own page waits behind it; its data stay as they are.');
    return (
      <div className="jp-AppBuilder-pageNotice jp-mod-looking" role="status">
        <Icon name="eye" />
        <span className="jp-AppBuilder-pageNoticeText" title={look.title || undefined}>
          {look.title ? [shortened(look.title), look.said].filter(Boolean).join(' – ') : agent}
        </span>
        <button type="button" className="jp-AppBuilder-button" onClick={stop}>
          {trans.__('Stop')}
        </button>
      </div>
    );
  }
  if (outcome) {
    return (
      <div
        className={`jp-AppBuilder-pageNotice jp-mod-outcome jp-mod-${outcome.ok ? 'looking' : 'error'}`}
        role="status"
      >
        <Icon name={outcome.ok ? 'check' : 'alert'} className={outcome.ok ? 'jp-mod-ok' : undefined} />
        <span className="jp-AppBuilder-pageNoticeText" title={[outcome.title, outcome.message].join('\n').trim()}>
          {outcome.ok
            ? trans.__('Works: %1', outcome.title)
            : trans.__('Fails: %1. %2', shortened(outcome.title), outcome.message)}
        </span>
        <button type="button" className="jp-AppBuilder-button" onClick={dismiss}>
          {trans.__('Dismiss')}
        </button>
      </div>
    );
  }
  return null;
}

/** Letters of a title beside the step that is done: that is what one looks for. */
const LONGEST_TITLE = 40;

function shortened(title: string): string {
  return title.length > LONGEST_TITLE ? `${title.slice(0, LONGEST_TITLE - 1)}…` : title;
}

/** The frame that is looked at, above the person's own; `room` is the width there is for it, in px. */
export function LookFrame({ looking, room }: { looking: Looking; room: number }): React.ReactElement | null {
  const trans = useTranslation();
  const { look, frame } = looking;
  const url = look?.url;
  React.useLayoutEffect(() => {
    frame.current?.setAttribute('inert', ''); // it takes no keys or clicks: not what the person types elsewhere, either
  }, [frame, url]);
  if (!look) {
    return null;
  }
  const scale = room > 0 && room < look.width ? room / look.width : 1;
  return (
    <div className="jp-AppBuilder-look">
      <iframe
        key={look.url}
        ref={frame}
        src={look.url}
        title={trans.__('The app as it is being tried')}
        tabIndex={-1}
        sandbox="allow-scripts allow-forms allow-modals"
        referrerPolicy="no-referrer"
        style={{ width: look.width, height: `${100 / scale}%`, transform: `scale(${scale})` }}
      />
    </div>
  );
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
