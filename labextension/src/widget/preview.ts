/**
 * The running app in a frame below a cell. As in the panel's preview, the page does not take the keyboard while the
 * person types elsewhere, and what its sandbox keeps from it is the person's to grant.
 */

import { english as trans } from '../core/controls/translation';
import { guardFocus } from '../core/session/frameFocus';
import { messageLimit, readMessage, type PageRequest } from '../core/session/pageMessages';
import { grant, justActed, withRequest, wording } from '../core/session/pageRequests';
import type { CommModel } from './transport';

interface PreviewModel extends CommModel {
  get(name: 'title' | 'open_label'): string;
  get(name: 'height'): number;
}

function render({ model, el }: { model: PreviewModel; el: HTMLElement }): () => void {
  const frame = document.createElement('iframe');
  frame.title = model.get('title');
  frame.style.cssText = `width:100%;border:1px solid var(--jp-border-color1,#ccc);height:${model.get('height')}px`;
  frame.setAttribute('sandbox', 'allow-scripts allow-forms allow-modals');
  frame.allow = 'clipboard-write; fullscreen';
  frame.referrerPolicy = 'no-referrer';
  const link = document.createElement('a');
  link.textContent = model.get('open_label');
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  const offer = document.createElement('div');
  const closed = document.createElement('div');
  offer.setAttribute('role', 'status');
  closed.setAttribute('role', 'alert');
  el.dataset['lmSuppressShortcuts'] = 'true'; // Enter on a button is not the notebook's
  el.append(offer, closed, frame, link);

  let url = '';
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
  const show = (): void => {
    closed.replaceChildren();
    frame.src = url;
    closed.after(frame);
  };
  /** The page kept taking the keyboard: it goes until the person wants it back. */
  const close = (): void => {
    frame.remove(); // at once: a page that is only led away takes the focus until the next one is there
    const said = trans.__('The page was closed: it kept taking keyboard focus while you typed elsewhere.');
    closed.replaceChildren(`${said} `, button(trans.__('Show it again'), show));
  };
  const told = (content: unknown): void => {
    const given = (content as { url?: unknown } | null)?.url;
    if (typeof given === 'string') {
      url = given;
      link.href = url;
      show();
    }
  };
  const allowed = messageLimit();
  const heard = (event: MessageEvent): void => {
    // The frame's origin is opaque, so only its window tells who speaks.
    if (event.source !== frame.contentWindow || !allowed()) {
      return;
    }
    const message = readMessage(event.data);
    if (message?.type === 'request' && justActed()) {
      take(withRequest(requests, message.request));
    }
  };
  window.addEventListener('message', heard);
  model.on('msg:custom', told);
  const unguard = guardFocus(() => frame, close);
  model.send({ method: 'url' });
  return () => {
    unguard();
    model.off('msg:custom', told);
    window.removeEventListener('message', heard);
  };
}

function button(label: string, act: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = label;
  made.addEventListener('click', act);
  return made;
}

export default { render };
