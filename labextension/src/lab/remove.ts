import type { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Translation } from '../core/controls/translation';
import type { Summary } from '../core/wire/wire';

/** Asks whether the files of sessions go, too. Its value is true when they do. */
export class RemoveBody extends Widget implements Dialog.IBodyWidget<boolean> {
  private readonly box: HTMLInputElement;

  constructor(sessions: readonly Summary[], trans: Translation) {
    super();
    this.addClass('jp-AppBuilder-remove');
    const [only] = sessions;
    const text = document.createElement('p');
    text.textContent = trans._n(
      'The conversation and its history are deleted. This cannot be undone.',
      'The conversations of %1 apps and their history are deleted. This cannot be undone.',
      sessions.length
    );
    const published = sessions.filter(session => session.published.length > 0).length;
    if (published > 0) {
      text.append(
        ' ',
        sessions.length === 1
          ? trans.__('It is published: what this server or its Hub shows of it is taken down.')
          : trans._n(
              '%1 of them is published: what this server or its Hub shows of it is taken down.',
              '%1 of them are published: what this server or its Hub shows of them is taken down.',
              published
            )
      );
    }
    const label = document.createElement('label');
    this.box = document.createElement('input');
    this.box.type = 'checkbox';
    label.append(
      this.box,
      only && sessions.length === 1
        ? trans.__('Also delete the folder %1 with the app and its notebook', only.path ?? only.name)
        : trans.__('Also delete their folders with the apps and their notebooks')
    );
    this.node.append(text, label);
  }

  getValue(): boolean {
    return this.box.checked;
  }
}
