/** The commands, where JupyterLab offers them: its palette, its Launcher. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addCommands } from './commands';
import { complain } from './complain';
import { CommandIDs, IAppBuilder, IAppBuilderApps, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
import { load } from './translation';

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:commands',
  description: 'The commands of the App Builder.',
  autoStart: true,
  requires: [IAppBuilder, IAppBuilderPanel, IAppBuilderPreviews],
  optional: [IAppBuilderApps, ICommandPalette, ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    { model }: IAppBuilder,
    panel: IAppBuilderPanel,
    previews: IAppBuilderPreviews,
    apps: IAppBuilderApps | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ): void => {
    const trans = load(translator);
    addCommands({ app, palette, trans, model, panel, previews, allApps: apps?.show ?? null, complain });
    // not translated: by us; the section is JupyterLab's, under its own word.
    const category = (translator ?? nullTranslator).load('jupyterlab').__('Other');
    launcher?.add({ command: CommandIDs.open, category, rank: 0 });
    if (apps?.show) {
      launcher?.add({ command: CommandIDs.home, category, rank: 1 });
    }
  }
};
