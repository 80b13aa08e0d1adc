/** Five hints on the real parts of the panel: shown once, when the first app is done, and whenever asked for. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import type { Translation } from '../core/controls/translation';
import { isBusy, lastTurn } from '../core/view/view';
import type { SessionStore } from '../core/view/store';
import { CommandIDs, IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { placed, type Placed, type Rect } from './tourHints';
import { load } from './translation';

/** How often what is pointed at is looked for: it comes, goes and moves (ms). */
const EVERY = 150;
const PANEL = '#jp-appbuilder-panel';

export const tourPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:tour',
  description: 'Shows the parts of the App Builder in five hints.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ICommandPalette, ITranslator],
  activate
};

function activate(
  app: JupyterFrontEnd,
  { api, model, settings }: IAppBuilder,
  panel: IAppBuilderPanel,
  previews: IAppBuilderPreviews,
  palette: ICommandPalette | null,
  translator: ITranslator | null
): void {
  const trans = load(translator);
  let shown: TourWidget | null = null;
  const start = (asked: boolean): void => {
    model.flags.set('tour');
    shown?.dispose();
    shown = new TourWidget(trans, asked);
    Widget.attach(shown, document.body);
  };

  app.commands.addCommand(CommandIDs.tour, {
    label: trans.__('Tour of the App Builder'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      if (model.get().session === null) {
        // Its parts are an app's: the one that was changed last has them.
        const latest = (await api.sessions().catch(() => []))[0];
        if (latest) {
          model.open(latest.id);
        }
      }
      model.leave();
      const { session } = model.get();
      app.shell.activateById(panel.widget.id); // the tour takes the keyboard, not the box
      if (session !== null) {
        previews.show(session, false);
      }
      start(true);
    }
  });
  palette?.addItem({ command: CommandIDs.tour, category: trans.__('App Builder') });

  // By itself once: when a request has come to its end before the person's eyes.
  let followed: SessionStore | null = null;
  const look = (): void => {
    const { store, page } = model.get();
    const view = store?.get().view;
    if (
      settings.values.tour &&
      !model.flags.has('tour') &&
      view?.caughtUp &&
      !isBusy(view) &&
      lastTurn(view)?.reason === 'done' &&
      page === null &&
      panel.widget.isVisible
    ) {
      start(false);
    }
  };
  const follow = (): void => {
    const { store } = model.get();
    if (store !== followed) {
      followed = store;
      store?.subscribe(look);
    }
    look();
  };
  void Promise.all([app.restored, settings.ready]).then(() => {
    model.subscribe(follow);
    follow();
  });
}

class TourWidget extends ReactWidget {
  private readonly before = document.activeElement;

  constructor(
    private readonly trans: Translation,
    /** It was called, and so takes the keyboard. */
    private readonly asked: boolean
  ) {
    super();
    this.addClass('jp-AppBuilder');
    this.addClass('jp-AppBuilder-tourWidget');
    this.addClass('jp-ThemedContainer');
  }

  protected render(): React.ReactElement {
    return <Tour trans={this.trans} takesFocus={this.asked} onEnd={this.end} />;
  }

  private readonly end = (): void => {
    if (this.isDisposed) {
      return;
    }
    const back = this.node.contains(document.activeElement) ? this.before : null;
    this.dispose();
    if (back instanceof HTMLElement && back.isConnected) {
      back.focus();
    }
  };
}

interface Hint {
  title: string;
  text: string;
  /** The first of them that is in view is pointed at. */
  at: readonly string[];
}

function hints(trans: Translation): Hint[] {
  const menu = `${PANEL} .jp-AppBuilder-header .jp-AppBuilder-menuRoot`;
  return [
    {
      title: trans.__('Say what should be different'),
      text: trans.__(
        'Every request starts here. Attach pictures or files, name one with @, see the common acts with /.'
      ),
      at: [`${PANEL} .jp-AppBuilder-composer`]
    },
    {
      title: trans.__('Each step can be opened'),
      text: trans.__(
        'Files, commands and checks as they happen: unfold a step for its code or output. Stop at any time.'
      ),
      at: [`${PANEL} .jp-AppBuilder-turn .jp-AppBuilder-card`, `${PANEL} .jp-AppBuilder-turn`]
    },
    {
      title: trans.__('The app runs here'),
      text: trans.__('Use it, look at it as on a phone, or point at something in it and say what should change.'),
      at: ['.jp-AppBuilder-previewWidget .jp-AppBuilder-previewBar', `${PANEL} .jp-AppBuilder-header`]
    },
    {
      title: trans.__('Nothing gets lost'),
      text: trans.__('Each request ends with a version: see what it changed, go back to it, and undo that too.'),
      at: [`${PANEL} .jp-AppBuilder-turn footer`, menu]
    },
    {
      title: trans.__('It is a notebook, too'),
      text: trans.__('This menu opens the notebook that builds the app again, all versions, and what else there is.'),
      at: [menu]
    }
  ];
}

function Tour({
  trans,
  takesFocus,
  onEnd
}: {
  trans: Translation;
  takesFocus: boolean;
  onEnd: () => void;
}): React.ReactElement {
  const all = React.useMemo(() => hints(trans), [trans]);
  const [number, setNumber] = React.useState(0);
  const [target, setTarget] = React.useState<Rect | null>(null);
  const [place, setPlace] = React.useState<Placed | null>(null);
  const box = React.useRef<HTMLDivElement>(null);
  const next = React.useRef<HTMLButtonElement>(null);
  const id = React.useId();
  const hint = all[number] as Hint;
  const last = number === all.length - 1;

  React.useEffect(() => {
    find(hint.at)?.scrollIntoView({ block: 'nearest' });
    const measure = (): void => {
      const panel = document.querySelector(PANEL);
      if (!panel || panel.getBoundingClientRect().width === 0) {
        onEnd(); // the person closed what it is about
        return;
      }
      const rect = (find(hint.at) ?? panel).getBoundingClientRect();
      const size = box.current?.getBoundingClientRect();
      if (size) {
        const seen = visible(rect);
        setTarget(known => (known && same(known, seen) ? known : seen));
        const wanted = placed(
          seen,
          { width: WIDTH, height: size.height },
          { width: window.innerWidth, height: window.innerHeight }
        );
        setPlace(known => (known && same({ ...known, height: 0 }, { ...wanted, height: 0 }) ? known : wanted));
      }
    };
    measure();
    const timer = setInterval(measure, EVERY);
    window.addEventListener('resize', measure);
    return () => {
      clearInterval(timer);
      window.removeEventListener('resize', measure);
    };
  }, [hint, onEnd]);
  const moved = number > 0;
  const ready = place !== null; // what is not drawn yet takes no focus
  React.useEffect(() => {
    if (ready && (takesFocus || moved)) {
      next.current?.focus();
    }
  }, [number, moved, takesFocus, ready]);
  // Escape skips it also where the keyboard is elsewhere in the panel.
  React.useEffect(() => {
    const skip = (event: KeyboardEvent): void => {
      const { activeElement } = document;
      const near = activeElement === document.body || document.querySelector(PANEL)?.contains(activeElement);
      if (event.key === 'Escape' && near && !event.defaultPrevented) {
        onEnd();
      }
    };
    document.addEventListener('keydown', skip);
    return () => document.removeEventListener('keydown', skip);
  }, [onEnd]);

  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Escape') {
      onEnd();
    } else if (event.key === 'ArrowRight' && !last) {
      setNumber(number + 1);
    } else if (event.key === 'ArrowLeft' && number > 0) {
      setNumber(number - 1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      {target && (
        <div
          className="jp-AppBuilder-tourRing"
          aria-hidden="true"
          style={{ left: target.left, top: target.top, width: target.width, height: target.height }}
        />
      )}
      <div
        ref={box}
        className="jp-AppBuilder-tour"
        role="dialog"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-text`}
        onKeyDown={onKeyDown}
        style={
          place ? { left: place.left, top: place.top, width: place.width } : { visibility: 'hidden', width: WIDTH }
        }
      >
        <div aria-live="polite">
          <h2 id={`${id}-title`}>{hint.title}</h2>
          <p id={`${id}-text`}>{hint.text}</p>
        </div>
        <div className="jp-AppBuilder-tourFoot">
          <span className="jp-AppBuilder-note">{trans.__('%1 of %2', number + 1, all.length)}</span>
          {!last && (
            <button type="button" className="jp-AppBuilder-link" onClick={onEnd}>
              {trans.__('Skip the tour')}
            </button>
          )}
          {number > 0 && (
            <button type="button" className="jp-AppBuilder-button" onClick={() => setNumber(number - 1)}>
              {trans.__('Back')}
            </button>
          )}
          <button
            ref={next}
            type="button"
            className="jp-AppBuilder-button jp-mod-primary"
            onClick={() => (last ? onEnd() : setNumber(number + 1))}
          >
            {last ? trans.__('Done') : trans.__('Next')}
          </button>
        </div>
      </div>
    </>
  );
}

const WIDTH = 300; // px

/** The last one in view that the first of these selectors finds which finds any. */
function find(selectors: readonly string[]): Element | null {
  for (const selector of selectors) {
    const found = Array.from(document.querySelectorAll(selector)).filter(
      element => element.getBoundingClientRect().height > 0
    );
    const chosen = found[found.length - 1];
    if (chosen) {
      return chosen;
    }
  }
  return null;
}

/** The part of it that is in the window. */
function visible({ left, top, right, bottom }: DOMRect): Rect {
  const from = { left: Math.max(0, left), top: Math.max(0, top) };
  return {
    ...from,
    width: Math.max(0, Math.min(right, window.innerWidth) - from.left),
    height: Math.max(0, Math.min(bottom, window.innerHeight) - from.top)
  };
}

function same(one: Rect, other: Rect): boolean {
  return (['left', 'top', 'width', 'height'] as const).every(key => Math.abs(one[key] - other[key]) < 1);
}
