/** The dialog of *Make an App of This Notebook*. */

import { bytes } from '../core/controls/format';
import type { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Translation } from '../core/controls/translation';
import type { FoundNotebook } from '../core/wire/api.generated';
import type { ModelChoice, TemplateChoice } from '../core/wire/transport';

export interface Wanted {
  prompt: string;
  template: string;
  model: string;
  private: boolean;
  leave_out: string[];
  /** Its kernel is to write its frames. */
  fromKernel: boolean;
}

/** Says what is found in a notebook, and asks what is wanted of it. */
export class FromNotebookBody extends Widget implements Dialog.IBodyWidget<Wanted> {
  private readonly prompt: HTMLTextAreaElement;
  private readonly template: HTMLSelectElement;
  private readonly model: HTMLSelectElement;
  private readonly secret: HTMLInputElement;
  private readonly kernel: HTMLInputElement | null = null;
  private readonly files: [string, HTMLInputElement][] = [];

  /** `running`: a kernel has the notebook. */
  constructor(
    found: FoundNotebook,
    models: readonly ModelChoice[],
    templates: readonly TemplateChoice[],
    defaults: { model: string; template: string },
    running: boolean,
    trans: Translation
  ) {
    super();
    this.addClass('jp-AppBuilder-fromNotebook');
    this.say(`${found.summary}.`);

    const data = document.createElement('fieldset');
    data.append(element('legend', trans.__('Data')));
    for (const { name, dataset, size } of found.files) {
      const box = check(data, trans.__('%1, as the dataset %2 (%3)', name, dataset, bytes(size)), true);
      this.files.push([name, box]);
    }
    if (running && found.variables.length > 0) {
      const names = found.variables.slice(0, 6).join(', ') + (found.variables.length > 6 ? ' …' : '');
      this.kernel = check(data, trans.__('Frames that its kernel holds, among %1', names), found.files.length === 0);
      const how = trans.__('One expression is run in the kernel, which writes these frames to files. No cell is run.');
      data.append(element('small', how));
    }
    for (const missing of [...found.missing, ...found.notes]) {
      data.append(element('small', trans.__('Not handed over: %1', missing)));
    }
    if (found.missing.length > 0 && !running) {
      data.append(element('small', trans.__('Open the notebook and run it, to hand over what its kernel holds.')));
    }
    if (data.childElementCount === 1) {
      data.append(element('small', trans.__('It reads no data file: the app is made of what is shown.')));
    }
    this.secret = check(data, trans.__('Confidential: names and types of columns alone go to the model'), false);

    this.prompt = document.createElement('textarea');
    this.prompt.rows = 3;
    this.prompt.value = found.prompt;
    this.template = choice(
      templates.map(({ name, title }) => [name, title]),
      defaults.template
    );
    this.model = choice(
      models.map(({ id, title }) => [id, title]),
      defaults.model
    );
    const note = element('small', '');
    const told = (): void => {
      const chosen = this.model.selectedOptions[0]?.textContent ?? '';
      if (models.find(({ id }) => id === this.model.value)?.recorded) {
        note.textContent = trans.__(
          'There is no model for it: %1 plays recorded answers, and nothing goes to anybody. Set up a model in the App Builder first.',
          chosen
        );
        return;
      }
      note.textContent = this.secret.checked
        ? trans.__('Its text and code go to %1, without outputs. What looks like a key is masked.', chosen)
        : trans.__('Its text, code, outputs and charts go to %1. What looks like a key is masked.', chosen);
    };
    this.model.addEventListener('change', told);
    this.secret.addEventListener('change', told);
    told();
    const row = document.createElement('div');
    row.className = 'jp-AppBuilder-row';
    row.append(labelled(trans.__('Made with'), this.template), labelled(trans.__('Model'), this.model));
    this.node.append(data, labelled(trans.__('What to make of it'), this.prompt), row, note);
  }

  getValue(): Wanted {
    return {
      prompt: this.prompt.value,
      template: this.template.value,
      model: this.model.value,
      private: this.secret.checked,
      leave_out: this.files.filter(([, box]) => !box.checked).map(([name]) => name),
      fromKernel: this.kernel?.checked ?? false
    };
  }

  private say(text: string): void {
    this.node.append(element('p', text));
  }
}

function element(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function check(parent: HTMLElement, text: string, checked: boolean): HTMLInputElement {
  const label = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.checked = checked;
  label.append(box, element('span', text));
  parent.append(label);
  return box;
}

function choice(entries: readonly (readonly [string, string])[], chosen: string): HTMLSelectElement {
  const select = document.createElement('select');
  for (const [value, title] of entries) {
    select.add(new Option(title, value, false, value === chosen));
  }
  return select;
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  const label = document.createElement('label');
  label.className = 'jp-AppBuilder-labelled';
  label.append(element('span', text), control);
  return label;
}
