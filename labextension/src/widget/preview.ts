/**
 * The running app in a frame below a cell. As in the panel's preview, the page does not take the keyboard while the
 * person types elsewhere, and what its sandbox keeps from it is the person's to grant. Where a newer cell shows the app,
 * or no kernel answers, its picture takes the frame's place.
 */

import { english as trans } from '../core/controls/translation';
import { guardFocus } from '../core/session/frameFocus';
import { messageLimit, readMessage, type PageRequest } from '../core/session/pageMessages';
import { grant, justActed, withRequest, wording } from '../core/session/pageRequests';

interface PreviewModel {
  get(name: 'title' | 'open_label' | 'app'): string;
  get(name: 'height'): number;
  set(name: 'height', value: number): void;
  save_changes(): void;
  send(content: unknown): void;
  on(name: string, callback: (content: unknown) => void): void;
  off(name: string, callback: (content: unknown) => void): void;
}

/** What the kernel says of the app: its address, or that a newer cell shows it. */
interface Told {
  url?: unknown;
  elsewhere?: unknown;
  picture?: unknown;
}

const SILENCE = 4000; // ms until the person is told that no kernel answers
const LEAST = 120; // px of height
const MOST = 3000;
const STEP = 20; // px that an arrow key moves the lower edge by

function render({ model, el }: { model: PreviewModel; el: HTMLElement }): () => void {
  const frame = document.createElement('iframe');
  frame.title = model.get('title');
  frame.setAttribute('sandbox', 'allow-scripts allow-forms allow-modals');
  frame.allow = 'clipboard-write; fullscreen';
  frame.referrerPolicy = 'no-referrer';
  const link = document.createElement('a');
  link.textContent = model.get('open_label');
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  const offer = line('status');
  const place = document.createElement('div');
  const said = line('alert');
  const edge = lowerEdge(model, frame);
  el.classList.add('jp-AppBuilder-cell');
  el.dataset['lmSuppressShortcuts'] = 'true'; // Enter on a button is not the notebook's
  place.className = 'jp-AppBuilder-cellApp';
  el.append(offer, said, place, edge.handle, link);

  let url = '';
  let picture = '';
  let silence = 0;
  let requests: readonly PageRequest[] = [];
  const take = (now: readonly PageRequest[]): void => {
    const [before, request] = [requests[0], now[0]];
    requests = now;
    if (request === before) {
      return;
    }
    const drop = (): void => take(requests.filter(one => one !== request));
    const act = (): void => {
      if (request) {
        grant(request);
      }
      drop();
    };
    const does = request?.kind === 'save' ? trans.__('Save') : trans.__('Open');
    const shown = request
      ? [`${wording(request, url, trans)} `, button(does, act), ' ', button(trans.__('Dismiss'), drop)]
      : [];
    offer.replaceChildren(...shown);
  };
  const live = (on: boolean): void => {
    link.hidden = !on;
    edge.handle.hidden = !on;
  };
  const show = (): void => {
    said.replaceChildren();
    frame.src = url;
    place.replaceChildren(frame);
    live(true);
  };
  /** What takes the frame's place. The page ends with it: one that is only led away goes on until the next is there. */
  const instead = (text: string, ...more: (Node | string)[]): void => {
    frame.remove();
    live(false);
    take([]);
    said.replaceChildren(`${text} `, ...more);
    place.replaceChildren(...(picture ? [image(picture, model.get('app'))] : []));
  };
  /** The page kept taking the keyboard: it goes until the person wants it back. */
  const close = (): void => {
    const why = trans.__('The page was closed: it kept taking keyboard focus while you typed elsewhere.');
    instead(why, button(trans.__('Show it again'), show));
  };
  const silent = (): void => {
    const app = model.get('app');
    const code = document.createElement('code');
    code.textContent = `%load_ext jupyter_appbuilder\n%appbuilder open ${app}\n%appbuilder preview`;
    const why = trans.__(
      'No kernel answers for this app. If it was restarted, a cell with these lines shows it again:'
    );
    instead(why, ...(app ? [code] : []));
  };
  const ask = (method: 'url' | 'here'): void => {
    window.clearTimeout(silence);
    silence = window.setTimeout(silent, SILENCE);
    try {
      model.send({ method });
    } catch {
      silent(); // there is no kernel at all
    }
  };
  const told = (content: unknown): void => {
    const given = (content ?? {}) as Told;
    if (typeof given.url !== 'string' && given.elsewhere !== true) {
      return;
    }
    window.clearTimeout(silence);
    picture = typeof given.picture === 'string' ? given.picture : picture;
    if (typeof given.url !== 'string') {
      const why = picture
        ? trans.__('As it was then. A newer cell shows the running app.')
        : trans.__('A newer cell shows the running app.');
      instead(
        why,
        button(trans.__('Show it here'), () => ask('here'))
      );
    } else if (url !== given.url || !frame.isConnected) {
      url = given.url;
      link.href = url;
      show();
    }
  };
  const allowed = messageLimit();
  const heard = (event: MessageEvent): void => {
    // The frame's origin is opaque, so only its window tells who speaks.
    if (!event.source || event.source !== frame.contentWindow || !allowed()) {
      return;
    }
    const message = readMessage(event.data);
    if (message?.type === 'request' && justActed()) {
      take(withRequest(requests, message.request));
    }
  };
  const size = (): void => {
    frame.style.height = `${edge.moved()}px`;
  };
  const again = (): void => ask('url'); // the kernel was restarted, or is back
  window.addEventListener('message', heard);
  model.on('msg:custom', told);
  model.on('change:height', size);
  model.on('comm_live_update', again);
  const unguard = guardFocus(() => (frame.isConnected ? frame : null), close);
  size();
  live(false);
  ask('url');
  return () => {
    window.clearTimeout(silence);
    unguard();
    model.off('msg:custom', told);
    model.off('change:height', size);
    model.off('comm_live_update', again);
    window.removeEventListener('message', heard);
  };
}

/** The edge by which the person makes the frame higher or lower; `moved` tells the height to it and whoever asks. */
function lowerEdge(model: PreviewModel, frame: HTMLElement): { handle: HTMLElement; moved: () => number } {
  const handle = document.createElement('div');
  handle.className = 'jp-AppBuilder-cellEdge';
  handle.setAttribute('role', 'separator');
  handle.setAttribute('aria-orientation', 'horizontal');
  handle.setAttribute('aria-label', trans.__('Height of the app'));
  handle.setAttribute('aria-valuemin', String(LEAST));
  handle.setAttribute('aria-valuemax', String(MOST));
  handle.tabIndex = 0;
  const to = (height: number): void => {
    model.set('height', Math.round(Math.min(MOST, Math.max(LEAST, height))));
  };
  const moved = (): number => {
    const height = model.get('height');
    handle.setAttribute('aria-valuenow', String(height));
    return height;
  };
  let from: { y: number; height: number } | null = null;
  handle.addEventListener('pointerdown', event => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    frame.style.pointerEvents = 'none'; // else it takes what follows, as soon as the pointer is over it
    from = { y: event.clientY, height: model.get('height') };
  });
  handle.addEventListener('pointermove', event => {
    if (from) {
      to(from.height + event.clientY - from.y);
    }
  });
  handle.addEventListener('lostpointercapture', () => {
    from = null;
    frame.style.pointerEvents = '';
    model.save_changes();
  });
  handle.addEventListener('keydown', event => {
    const steps: Record<string, number> = { ArrowUp: -STEP, ArrowDown: STEP };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      to(model.get('height') + step);
      model.save_changes();
    }
  });
  return { handle, moved };
}

function line(role: 'status' | 'alert'): HTMLElement {
  const made = document.createElement('div');
  made.setAttribute('role', role);
  made.className = 'jp-AppBuilder-cellLine';
  return made;
}

function image(data: string, app: string): HTMLImageElement {
  const made = document.createElement('img');
  made.src = `data:image/png;base64,${data}`;
  made.alt = trans.__('The app %1', app);
  return made;
}

function button(label: string, act: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = label;
  made.addEventListener('click', act);
  return made;
}

export default { render };
