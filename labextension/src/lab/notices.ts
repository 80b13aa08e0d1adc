/** Says that an app is done, asks or failed, while the person looks elsewhere: in JupyterLab, in the browser tab's
 * title, and by the browser itself where the person allowed it. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification as Notices } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import type { Translation } from '../core/controls/translation';
import { refreshText } from '../core/publishing/RefreshedLine';
import type { RefreshItem } from '../core/view/items';
import { isNewsOfRefreshing, newsOf, newsOfPublishing, type News } from '../core/view/news';
import type { PageId } from '../core/panel';
import { isBusy } from '../core/view/view';
import type { SessionStore } from '../core/view/store';
import type { PublishingStatus } from '../core/wire/events.generated';
import type { Summary } from '../core/wire/wire';
import { IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { load } from './translation';

/** How often apps at work that are not open are looked after (ms). */
const EVERY = 10_000;
const SHOWN = 15_000; // ms

export const noticesPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:notices',
  description: 'Tells that an app is done, asks or failed, while one looks elsewhere.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ITranslator],
  activate
};

function activate(
  _app: JupyterFrontEnd,
  { api, model }: IAppBuilder,
  panel: IAppBuilderPanel,
  previews: IAppBuilderPreviews,
  translator: ITranslator | null
): void {
  const trans = load(translator);
  const title = new Title();
  const known = new Map<string, Summary>();
  /** The notice of each app that was told of last. */
  const shown = new Map<string, string>();
  /** Apps that were at work when another was opened. */
  const left = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const away = (): boolean => document.visibilityState === 'hidden' || !document.hasFocus();
  const seen = (id: string): boolean => !away() && panel.widget.isVisible && model.get().session === id;
  const open = (id: string): void => {
    window.focus();
    model.open(id);
    previews.opened(id);
    panel.show();
  };

  const tell = ({ kind, session }: Omit<News, 'message'>, text: string, page?: PageId): void => {
    // On another page it is out of sight, as the conversation is.
    if (seen(session.id) && (page === undefined || model.get().page?.id === page)) {
      return;
    }
    const goThere = (): void => {
      open(session.id);
      if (page) {
        model.show(page);
      }
    };
    const look = { label: trans.__('Look'), callback: goThere };
    const mayAsk = 'Notification' in window && window.Notification.permission === 'default' && window.isSecureContext;
    const allow = {
      label: trans.__('Also outside JupyterLab'),
      caption: trans.__('Have the browser say so when JupyterLab is not in view'),
      callback: () => void window.Notification.requestPermission()
    };
    Notices.dismiss(shown.get(session.id) ?? ''); // the latest counts
    const notice = Notices.emit(text, { done: 'success', asks: 'warning', failed: 'error' }[kind] as 'success', {
      autoClose: SHOWN, // JupyterLab's list of notifications keeps it
      actions: mayAsk ? [look, allow] : [look]
    });
    shown.set(session.id, notice);
    if (away()) {
      title.mark({ done: '✓', asks: '?', failed: '!' }[kind], text);
      if ('Notification' in window && window.Notification.permission === 'granted') {
        const outside = new window.Notification(text, { tag: `appbuilder ${session.id}` });
        outside.onclick = () => {
          outside.close();
          goThere();
        };
      }
    }
  };

  /** How publishing stood in the open app when it was looked at last. */
  let publishing: PublishingStatus | null = null;
  const takePublishing = (now: PublishingStatus | null, session: Summary): void => {
    const kind = newsOfPublishing(publishing, now);
    publishing = now;
    if (kind && now) {
      tell({ kind, session }, publishingWords(kind, now, trans), 'publish');
    }
  };

  /** The last refresh of readers' data in the open app; undefined before it was looked at. */
  let refreshed: RefreshItem | null | undefined;
  const takeRefreshed = (now: RefreshItem | null, session: Summary): void => {
    if (refreshed !== undefined && isNewsOfRefreshing(refreshed, now)) {
      tell({ kind: 'failed', session }, `${session.title}: ${refreshText(now, trans)}`, 'publish');
    }
    refreshed = now;
  };

  const take = (now: Summary): void => {
    const news = newsOf(known.get(now.id), now);
    known.set(now.id, now);
    if (news) {
      tell(news, wording(news, trans));
    }
  };

  const lookAfter = (): void => {
    clearTimeout(timer);
    if (left.size === 0) {
      return;
    }
    timer = setTimeout(() => {
      api
        .sessions()
        .then(
          found => {
            for (const id of [...left]) {
              const now = found.find(session => session.id === id);
              if (now) {
                take(now);
              }
              if (!now || (now.state !== 'busy' && now.state !== 'waiting')) {
                left.delete(id);
              }
            }
          },
          () => undefined // it is asked again
        )
        .finally(lookAfter);
    }, EVERY);
  };

  let followed: { id: string; store: SessionStore; leave: () => void } | null = null;
  const follow = (): void => {
    const { session, store } = model.get();
    if (followed?.store === store) {
      return;
    }
    if (followed) {
      followed.leave();
      if (isBusy(followed.store.get().view)) {
        left.add(followed.id);
        lookAfter();
      }
    }
    followed = null;
    publishing = null;
    refreshed = undefined;
    if (session !== null && store) {
      left.delete(session);
      Notices.dismiss(shown.get(session) ?? '');
      const look = (): void => {
        const { view } = store.get();
        if (view.caughtUp && view.session) {
          take(view.session);
          takePublishing(view.publishing, view.session);
          takeRefreshed(view.refreshed, view.session);
        }
      };
      followed = { id: session, store, leave: store.subscribe(look) };
      look();
    }
  };
  model.subscribe(follow);
  follow();
}

function wording({ kind, session, message }: News, trans: Translation): string {
  switch (kind) {
    case 'done':
      return trans.__('%1 is done.', session.title);
    case 'asks':
      return trans.__('%1 asks you something.', session.title);
    case 'failed':
      return trans.__('%1 did not come to its end. %2', session.title, message).trim();
  }
}

function publishingWords(kind: News['kind'], { name, message }: PublishingStatus, trans: Translation): string {
  switch (kind) {
    case 'done':
      return trans.__('“%1” is published.', name);
    case 'asks':
      return trans.__('“%1” waits for your decision before it is published.', name);
    case 'failed':
      return trans.__('“%1” was not published. %2', name, message).trim();
  }
}

/** The title of the browser's tab, marked until the person is back. */
class Title {
  private marked = '';

  constructor() {
    window.addEventListener('focus', this.clear);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.clear());
  }

  mark(sign: string, text: string): void {
    this.clear();
    this.marked = `${sign} ${text} – `;
    document.title = this.marked + document.title;
  }

  private readonly clear = (): void => {
    if (this.marked !== '' && document.title.startsWith(this.marked)) {
      document.title = document.title.slice(this.marked.length);
    }
    this.marked = '';
  };
}
