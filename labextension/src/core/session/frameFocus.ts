const TAB_MS = 500; // from a Tab until the focus has moved
const TYPING_MS = 1500; // between two keys of somebody who types
const ACTIVATION_MS = 5500; // as long as a browser remembers a click or key, and a little
const MOST_THEFTS = 6; // in THEFTS_MS
const THEFTS_MS = 2000;
const AGAIN_MS = 150;

/**
 * Keep a page from taking the focus, and with it what a person types, by itself.
 *
 * While somebody types elsewhere the frame is inert: nothing in it can have the focus. It is open again once the pointer
 * is moved over it, on Tab, and after a pause. Focus that it takes then is given back, unless the person pointed at it,
 * tabbed to it, or did something that was not done out here. Of a page that takes it over and over, `onTheft` is told: it
 * gets keys in between, and has to go. What is returned ends the watch.
 */
export function guardFocus(frame: () => HTMLIFrameElement | null, onTheft: () => void): () => void {
  let last: HTMLElement | null = null; // had the focus before
  let tabbed = -Infinity;
  // A key or a click out here. There may have been one just before, unless the browser says that there was none.
  let acted = navigator.userActivation?.isActive === false ? -Infinity : performance.now();
  let over = false; // the pointer was moved onto the frame since the last key
  let place = ''; // of the pointer: browsers say that it moved when what is under it did
  let thefts: number[] = [];
  let timer = 0;
  let checks: number[] = [];

  const shut = (): void => {
    over = false;
    window.clearTimeout(timer);
    frame()?.setAttribute('inert', '');
    timer = window.setTimeout(open, TYPING_MS);
  };
  const open = (): void => {
    window.clearTimeout(timer);
    frame()?.removeAttribute('inert');
  };
  const focused = (): void => {
    const active = document.activeElement;
    if (active instanceof HTMLElement && active !== frame() && active !== document.body) {
      last = active;
    }
  };
  const keyed = (event: KeyboardEvent): void => {
    acted = performance.now();
    if (event.key === 'Tab') {
      tabbed = acted;
      open();
    } else if (!['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) {
      tabbed = -Infinity;
      shut();
    }
  };
  const pressed = (): void => {
    acted = performance.now();
  };
  const pointed = (event: PointerEvent): void => {
    const here = `${event.screenX},${event.screenY}`;
    const bounds = frame()?.getBoundingClientRect();
    if (here === place || !bounds) {
      return;
    }
    place = here;
    over =
      event.clientX >= bounds.left &&
      event.clientX <= bounds.right &&
      event.clientY >= bounds.top &&
      event.clientY <= bounds.bottom;
    if (over) {
      open();
    }
  };
  const allowed = (): boolean => {
    const now = performance.now();
    // Pointers over a frame are seen from outside it; fingers are not.
    const onlyFingers = window.matchMedia?.('(hover: none)').matches;
    const active = navigator.userActivation?.isActive ?? true; // a click or key in the frame counts out here
    return over || now - tabbed < TAB_MS || (active && now - acted > (onlyFingers ? TYPING_MS : ACTIVATION_MS));
  };
  const giveBack = (): void => {
    const held = frame();
    if (!held || document.activeElement !== held || allowed()) {
      return;
    }
    const now = performance.now();
    thefts = [...thefts.filter(at => now - at < THEFTS_MS), now];
    if (thefts.length >= MOST_THEFTS) {
      thefts = [];
      onTheft();
    }
    held.blur();
    window.focus();
    if (last?.isConnected) {
      last.focus({ preventScroll: true });
    }
    checks.push(window.setTimeout(giveBack, AGAIN_MS)); // taken again before it was back, it is taken without a word
  };
  // In a moment: what is done while the focus moves is undone by the move.
  const left = (): void => {
    checks.forEach(check => window.clearTimeout(check));
    checks = [window.setTimeout(giveBack, 0), window.setTimeout(giveBack, AGAIN_MS)];
  };
  focused();
  document.addEventListener('focusin', focused, true);
  document.addEventListener('keydown', keyed, true);
  document.addEventListener('pointerdown', pressed, true);
  window.addEventListener('blur', left);
  document.addEventListener('pointerover', pointed, true);
  document.addEventListener('pointermove', pointed, true);
  return () => {
    window.clearTimeout(timer);
    checks.forEach(check => window.clearTimeout(check));
    document.removeEventListener('focusin', focused, true);
    document.removeEventListener('keydown', keyed, true);
    document.removeEventListener('pointerdown', pressed, true);
    window.removeEventListener('blur', left);
    document.removeEventListener('pointerover', pointed, true);
    document.removeEventListener('pointermove', pointed, true);
  };
}
