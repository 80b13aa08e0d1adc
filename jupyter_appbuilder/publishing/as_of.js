// In a published app's page: from when its data are, and a mark once they are older than promised. It is a small element
// of its own at the page's edge, which the reader closes; nothing of the page is touched.

(() => {
  'use strict';
  const own = document.currentScript;
  const { asOf, promised } = own ? own.dataset : {};
  const at = new Date(asOf || NaN);
  const most = Number(promised) * 1000;
  if (Number.isNaN(at.getTime())) {
    return;
  }
  const NAME = 'appbuilder-as-of';
  const language = document.documentElement.lang || navigator.language || 'en';
  const german = /^de\b/i.test(language);
  const words = german
    ? { asOf: 'Daten vom ', late: 'älter als zugesagt', close: 'Ausblenden' }
    : { asOf: 'Data as of ', late: 'older than promised', close: 'Hide' };

  const host = document.createElement(NAME);
  const root = host.attachShadow({ mode: 'closed' });
  const style = `
    :host { all: initial; position: fixed; z-index: 2147483000; inset-block-end: 8px; inset-inline-end: 8px; }
    :host([data-side='start']) { inset-inline: 8px auto; }
    div { display: flex; align-items: center; gap: 6px; box-sizing: border-box; max-inline-size: calc(100vw - 16px);
      padding: 3px 4px 3px 10px; border: 1px solid; border-radius: 8px; font-size: 12px; line-height: 1.5;
      background: #fff; color: #3d444d; border-color: #8c959f; box-shadow: 0 1px 4px #0003; }
    :host([data-dark]) div { background: #22272e; color: #d5dae0; border-color: #768390; }
    :host([data-late]) div { background: #fff8e1; color: #6b4100; border-color: #b07800; }
    :host([data-late][data-dark]) div { background: #33270a; color: #ffdd99; border-color: #b88a2e; }
    b { font-weight: 600; }
    b::before { content: '⚠ '; }
    button { all: unset; flex: none; inline-size: 24px; block-size: 24px; border-radius: 6px; text-align: center;
      font-size: 16px; line-height: 24px; cursor: pointer; }
    button:hover { background: #8883; }
    button:focus-visible { outline: 2px solid currentcolor; outline-offset: -2px; }
    @media print, (max-width: 160px), (max-height: 100px) { :host { display: none; } }
    @media (forced-colors: active) { div { border-color: CanvasText; } }`;
  try {
    const sheet = new CSSStyleSheet(); // a page's policy may let no style element in
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const element = document.createElement('style');
    element.textContent = style;
    root.append(element);
  }
  const box = document.createElement('div');
  const text = document.createElement('span');
  const close = document.createElement('button');
  box.setAttribute('role', 'status');
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', words.close);
  close.title = words.close;
  box.append(text, close);
  root.append(box);

  function local(options) {
    try {
      return at.toLocaleString(language, options);
    } catch {
      return at.toLocaleString(undefined, options);
    }
  }

  function span(seconds) {
    const [unit, size] =
      seconds % 86400 === 0 ? ['day', 86400] : seconds % 3600 === 0 ? ['hour', 3600] : ['minute', 60];
    return (seconds / size).toLocaleString(language, { style: 'unit', unit, unitDisplay: 'long' });
  }

  let late = null;
  const closed = () => `${asOf} ${late}`;

  /** What the reader closed stays closed, until the data are others or have become too old. */
  function isClosed() {
    try {
      return sessionStorage.getItem(NAME) === closed();
    } catch {
      return false;
    }
  }

  function tell() {
    const now = most > 0 && Date.now() - at.getTime() > most;
    if (now !== late) {
      late = now;
      host.toggleAttribute('data-late', late);
      const date = document.createElement('time');
      date.dateTime = asOf;
      date.textContent = local({ dateStyle: 'medium', timeStyle: 'short' });
      text.replaceChildren(words.asOf, date);
      if (late) {
        const mark = document.createElement('b');
        mark.textContent = `${words.late} (${span(most / 1000)})`;
        text.append(' · ', mark);
      }
      host.hidden = false;
      host.style.display = isClosed() ? 'none' : '';
    }
    dress();
  }

  /** As light or dark as the page, in its letters. */
  function dress() {
    const body = getComputedStyle(document.body);
    const page = getComputedStyle(document.documentElement);
    const colour = behind();
    const dark = colour
      ? 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 128
      : /dark/.test(page.colorScheme) && (!/light/.test(page.colorScheme) || dims.matches);
    host.toggleAttribute('data-dark', dark);
    box.style.fontFamily = body.fontFamily;
  }

  /** The colour that the page has behind the element: frameworks often paint another element than the body. */
  function behind() {
    const shown = host.style.display;
    host.style.display = 'none';
    const under = document.elementFromPoint(innerWidth - 20, innerHeight - 20) || document.body;
    host.style.display = shown;
    for (let one = under; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour && colour[3] > 0.5) {
        return colour;
      }
    }
    return null;
  }

  function parts(colour) {
    const found = /^rgba?\(([^)]*)\)/.exec(colour);
    const [red, green, blue, alpha = 1] = found ? found[1].split(/[\s,/]+/).map(Number) : [];
    return found ? [red, green, blue, alpha] : null;
  }

  close.addEventListener('click', () => {
    host.style.display = 'none';
    try {
      sessionStorage.setItem(NAME, closed());
    } catch {
      // Then it is there again on the next page.
    }
  });
  box.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      close.click();
    }
  });
  // What the keyboard is at is never below it.
  addEventListener('focusin', event => {
    const target = event.target;
    if (target === host || !(target instanceof Element)) {
      return;
    }
    const one = target.getBoundingClientRect();
    const other = host.getBoundingClientRect();
    if (one.right > other.left && one.left < other.right && one.bottom > other.top && one.top < other.bottom) {
      host.dataset.side = host.dataset.side === 'start' ? 'end' : 'start';
    }
  });

  const dims = matchMedia('(prefers-color-scheme: dark)');
  dims.addEventListener('change', dress);
  function show() {
    document.querySelectorAll(NAME).forEach(one => one.remove());
    document.documentElement.append(host); // frameworks own the body
    tell();
    const watch = new MutationObserver(dress);
    for (const element of [document.documentElement, document.body]) {
      watch.observe(element, { attributes: true, attributeFilter: ['class', 'style', 'data-theme'] });
    }
    [300, 1500, 5000].forEach(after => setTimeout(dress, after)); // an app may paint itself late
    setInterval(tell, 60000);
  }
  if (document.body && document.readyState !== 'loading') {
    show();
  } else {
    addEventListener('DOMContentLoaded', show);
  }
})();
