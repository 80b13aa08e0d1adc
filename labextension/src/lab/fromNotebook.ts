/** *Make an App of This Notebook*: what is found in it, what is wanted of it, and the app. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { Kernel } from '@jupyterlab/services';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { RequestFailed } from '../core/wire/wire';
import { FromNotebookBody } from './fromNotebookBody';
import { appBuilderIcon } from './icon';
import { CommandIDs, IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { load } from './translation';

export const fromNotebookPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:from-notebook',
  description: 'Makes an app of a notebook.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [ICommandPalette, IDefaultFileBrowser, ITranslator],
  activate
};

function activate(
  app: JupyterFrontEnd,
  { api, model, settings }: IAppBuilder,
  panel: IAppBuilderPanel,
  previews: IAppBuilderPreviews,
  palette: ICommandPalette | null,
  browser: IDefaultFileBrowser | null,
  translator: ITranslator | null
): void {
  const trans = load(translator);
  const { commands, shell, serviceManager } = app;

  /** The document, where the notebook is open. */
  const opened = (path: string): DocumentWidget | undefined =>
    Array.from(shell.widgets('main')).find(
      (widget): widget is DocumentWidget => widget instanceof DocumentWidget && widget.context.path === path
    );

  const pathOf = (args: ReadonlyPartialJSONObject): string => {
    if (typeof args['path'] === 'string') {
      return args['path'];
    }
    const chosen = args['browser'] === true ? Array.from(browser?.selectedItems() ?? [])[0]?.path : undefined;
    const current = shell.currentWidget;
    const path = chosen ?? (current instanceof DocumentWidget ? current.context.path : '');
    return PathExt.extname(path) === '.ipynb' ? serviceManager.contents.localPath(path) : '';
  };

  const make = async (path: string): Promise<void> => {
    const document = opened(path);
    if (document?.context.model.dirty) {
      await document.context.save(); // what is read is the file
    }
    const [found, models, templates] = await Promise.all([api.foundIn(path), api.models(), api.templates()]);
    const kernel = document?.context.sessionContext.session?.kernel ?? null;
    const body = new FromNotebookBody(found, models, templates, settings.values, kernel !== null, trans);
    const result = await showDialog({
      title: trans.__('Make an app of “%1”', found.name),
      body,
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Make the App') })]
    });
    const wanted = result.button.accept ? result.value : null;
    if (!wanted) {
      return;
    }
    const note = Notification.emit(trans.__('Making an app of %1 …', found.name), 'in-progress', { autoClose: false });
    try {
      const { fromKernel, ...given } = wanted;
      const frames = fromKernel && kernel ? await framesOf(kernel, found.variables) : undefined;
      const session = await api.createFromNotebook({ ...given, path, ...(frames ? { frames } : {}) });
      model.open(session.id);
      previews.opened(session.id);
      panel.show();
    } finally {
      Notification.dismiss(note);
    }
  };

  /** Have a kernel write its frames; what the server is to know them by. */
  const framesOf = async (kernel: Kernel.IKernelConnection, variables: readonly string[]): Promise<string> => {
    const { frames, expression } = await api.expectFrames(variables);
    const asked = kernel.requestExecute({
      code: '',
      silent: true,
      store_history: false,
      allow_stdin: false,
      user_expressions: { written: expression }
    });
    const { content } = await asked.done;
    const problem = problemOf(content as unknown as Reply);
    if (problem !== '') {
      const hint = trans.__('The app has the files that the notebook reads. In the kernel: %1', problem);
      Notification.warning(trans.__('The kernel’s frames were not all handed over. %1', hint), { autoClose: 15_000 });
    }
    return frames;
  };

  commands.addCommand(CommandIDs.fromNotebook, {
    label: trans.__('Make an App of This Notebook…'),
    caption: trans.__('Make an app of this notebook: its charts and tables, over its data'),
    icon: appBuilderIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          path: { type: 'string', description: trans.__('The notebook; by default the one that is open') },
          browser: { type: 'boolean', description: trans.__('The one that is chosen in the file browser') }
        }
      }
    },
    isEnabled: args => pathOf(args) !== '',
    execute: async args => {
      const path = pathOf(args);
      try {
        await make(path);
      } catch (error) {
        // Not a notification: it would cut what to do next.
        const failure = RequestFailed.from(error);
        await showDialog({
          title: trans.__('No app could be made of %1', PathExt.basename(path)),
          body: `${failure.message} ${failure.hint}`.trim(),
          buttons: [Dialog.okButton()]
        });
      }
    }
  });
  palette?.addItem({ command: CommandIDs.fromNotebook, category: trans.__('App Builder') });
  shell.currentChanged?.connect(() => commands.notifyCommandChanged(CommandIDs.fromNotebook));
}

/** What a kernel answers to an expression. */
interface Reply {
  status: string;
  user_expressions?: { written?: { status: string; evalue?: string; data?: Record<string, string> } };
}

/** What did not work, in words; "" for nothing. */
export function problemOf(reply: Reply): string {
  const written = reply.user_expressions?.written;
  if (written?.status !== 'ok') {
    return written?.evalue ?? reply.status;
  }
  const told = /\{.*\}/.exec(written.data?.['text/plain'] ?? '');
  try {
    const { failed } = JSON.parse(told?.[0] ?? '{}') as { failed?: Record<string, string> };
    return Object.entries(failed ?? {})
      .map(([name, why]) => `${name}: ${why}`)
      .join(' ');
  } catch {
    return ''; // quotes in the text, which Python escapes: what was written lies there all the same
  }
}
