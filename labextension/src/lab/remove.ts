import type { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Translation } from '../core/controls/translation';
import type { Summary } from '../core/wire/wire';

/** Asks whether a session's files go, too. Its value is true when they do. */
export class RemoveBody extends Widget implements Dialog.IBodyWidget<boolean> {
  private readonly box: HTMLInputElement;

  constructor(session: Summary, trans: Translation) {
    super();
    this.addClass('jp-AppBuilder-remove');
    const text = document.createElement('p');
    text.textContent = trans.__('The conversation and its history are deleted. This cannot be undone.');
    const label = document.createElement('label');
    this.box = document.createElement('input');
    this.box.type = 'checkbox';
    label.append(
      this.box,
      trans.__('Also delete the folder %1 with the app and its notebook', session.path ?? session.name)
    );
    this.node.append(text, label);
  }

  getValue(): boolean {
    return this.box.checked;
  }
}
