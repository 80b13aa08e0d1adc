/** An app that was copied from somebody else's server, by a link to a look at it: asks first, then makes it. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { bytes } from '../core/controls/format';
import type { Translation } from '../core/controls/translation';
import type { AppCopy } from '../core/wire/api.generated';
import { complain } from './complain';
import { IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { load } from './translation';

const ARGUMENT = 'appbuilder-copy';

export const copiesPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:copies',
  description: 'Makes an app of what was copied from another person’s server.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    { api, model }: IAppBuilder,
    panel: IAppBuilderPanel,
    previews: IAppBuilderPreviews,
    translator: ITranslator | null
  ): void => {
    const trans = load(translator);
    const offer = async (copy: string): Promise<void> => {
      await app.restored;
      forget();
      let note = '';
      try {
        const found = await api.copy(copy);
        const result = await showDialog({
          title: trans.__('Make an app of your own of “%1”?', found.title),
          body: new CopyBody(found, trans),
          buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Make the App') })]
        });
        if (!result.button.accept) {
          return;
        }
        note = Notification.emit(trans.__('Making the app…'), 'in-progress', { autoClose: false });
        const session = await api.takeCopy(copy);
        model.open(session.id);
        previews.opened(session.id);
        panel.show();
      } catch (error) {
        complain(trans.__('The app could not be copied.'), error);
      } finally {
        if (note) {
          Notification.dismiss(note);
        }
      }
    };
    const asked = new URLSearchParams(window.location.search).get(ARGUMENT);
    if (asked) {
      void offer(asked);
    }
  }
};

/** What it is, whose, and what it has not. */
class CopyBody extends Widget {
  constructor(copy: AppCopy, trans: Translation) {
    super();
    this.addClass('jp-AppBuilder-handed');
    const say = (text: string): void => {
      const line = document.createElement('p');
      line.textContent = text;
      this.node.append(line);
    };
    say(
      trans._n(
        '%2 shows it to you. The copy has %1 file, %3.',
        '%2 shows it to you. The copy has %1 files, %3.',
        copy.files,
        copy.by,
        bytes(copy.bytes)
      )
    );
    say(trans.__('It is yours then: what you change, %1 does not see, and its code runs in a sandbox here.', copy.by));
    const out = copy.left_out.map(({ what, names, count }) => {
      const kind = what === 'data' ? trans.__('data') : what === 'secrets' ? trans.__('secrets') : what;
      return `${kind} (${names.length > 0 ? names.join(', ') : count})`;
    });
    if (out.length > 0) {
      say(trans.__('It comes without %1.', out.join(', ')));
    }
  }
}

/** Take our part out of the address: a page that is loaded again does not ask again. */
function forget(): void {
  const address = new URL(window.location.href);
  address.searchParams.delete(ARGUMENT);
  window.history.replaceState(window.history.state, '', address.pathname + address.search + address.hash);
}
