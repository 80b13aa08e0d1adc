/**
 * A component of the app below a cell, in a frame of an origin of its own: it is generated code. What the frame says may
 * be anything; its height is bounded, and what it hands over goes to the kernel as data.
 */

import { english as trans } from '../core/controls/translation';
import { guardFocus } from '../core/session/frameFocus';
import { messageLimit } from '../core/session/pageMessages';

interface ComponentModel {
  get(name: '_page' | '_given' | '_failed' | '_label'): string;
  get(name: '_height'): number;
  on(name: string, callback: () => void): void;
  off(name: string, callback: () => void): void;
  send(content: unknown): void;
}

const LEAST = 24; // pixels
const MOST = 3000;
const LONGEST = 1_000_000; // characters of what a component hands over

function render({ model, el }: { model: ComponentModel; el: HTMLElement }): () => void {
  const notice = document.createElement('div');
  notice.setAttribute('role', 'status');
  notice.style.cssText = 'color:var(--jp-error-color1,#b00);white-space:pre-wrap;overflow-wrap:anywhere';
  const frame = document.createElement('iframe');
  frame.title = model.get('_label');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.referrerPolicy = 'no-referrer';
  frame.style.cssText = 'width:100%;border:0;display:block';
  el.dataset['lmSuppressShortcuts'] = 'true'; // Enter on a button is not the notebook's
  el.append(notice, frame);

  let threw = '';
  const say = (): void => {
    const behind = model.get('_failed');
    const parts = [behind && `${trans.__('The newest code is not shown.')} ${behind}`, threw];
    notice.textContent = parts.filter(Boolean).join('\n');
  };
  const size = (height: number): void => {
    frame.style.height = `${Math.min(MOST, Math.max(LEAST, height))}px`;
  };
  const show = (): void => {
    threw = '';
    say();
    size(model.get('_height') || LEAST);
    frame.style.colorScheme = isDark() ? 'dark' : 'light';
    frame.srcdoc = model.get('_page');
    el.replaceChildren(notice, frame);
  };
  const give = (): void => {
    threw = '';
    say();
    frame.contentWindow?.postMessage({ type: 'props', given: model.get('_given') }, '*');
  };
  const close = (): void => {
    const again = document.createElement('button');
    again.type = 'button';
    again.textContent = trans.__('Show it again');
    again.addEventListener('click', show);
    const said = trans.__('The component was closed: it kept taking keyboard focus while you typed elsewhere.');
    el.replaceChildren(notice, `${said} `, again);
  };
  const allowed = messageLimit();
  const heard = ({ source, data }: MessageEvent): void => {
    // The frame's origin is opaque, so only its window tells who speaks.
    if (!source || source !== frame.contentWindow || !isSaid(data) || !allowed()) {
      return;
    }
    if (data.type === 'ready') {
      give();
    } else if (data.type === 'height' && typeof data.height === 'number' && !model.get('_height')) {
      size(data.height);
    } else if (data.type === 'failed' && typeof data.message === 'string') {
      threw = data.message.slice(0, 2000);
      say();
    } else if (data.type === 'called' && isText(data.name, 200) && isText(data.args, LONGEST)) {
      model.send({ method: 'called', name: data.name, args: data.args });
    }
  };
  const recolor = (): void => {
    frame.style.colorScheme = isDark() ? 'dark' : 'light';
  };
  const themes = new MutationObserver(recolor);
  themes.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light', 'class'] });
  window.addEventListener('message', heard);
  const watched: [string, () => void][] = [
    ['change:_page', show],
    ['change:_given', give],
    ['change:_failed', say]
  ];
  for (const [name, act] of watched) {
    model.on(name, act);
  }
  const unguard = guardFocus(() => (frame.isConnected ? frame : null), close);
  show();
  return () => {
    unguard();
    themes.disconnect();
    window.removeEventListener('message', heard);
    for (const [name, act] of watched) {
      model.off(name, act);
    }
  };
}

/** Whether the page around is dark: JupyterLab says so; others by what the person's system asks for. */
function isDark(): boolean {
  const light = document.body.dataset['jpThemeLight'];
  return light === undefined ? window.matchMedia('(prefers-color-scheme: dark)').matches : light === 'false';
}

interface Said {
  type: unknown;
  height?: unknown;
  message?: unknown;
  name?: unknown;
  args?: unknown;
}

function isSaid(data: unknown): data is Said {
  return (
    typeof data === 'object' &&
    data !== null &&
    'source' in data &&
    data.source === 'jupyter-appbuilder-component' &&
    'type' in data
  );
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.length <= longest;
}

export default { render };
