/** What the other plugins share: the server's interface, what the panel is looking at, the settings. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { PanelModel } from '../core/panel';
import { RestApi } from './api';
import { Settings } from './settings';
import { IAppBuilder, PLUGIN_ID } from './tokens';
import { load } from './translation';

export const modelPlugin: JupyterFrontEndPlugin<IAppBuilder> = {
  id: '@jupyter-appbuilder/labextension:model',
  description: 'The sessions of the App Builder: which one is open, and its state.',
  autoStart: true,
  provides: IAppBuilder,
  optional: [ISettingRegistry, ITranslator],
  activate: (app: JupyterFrontEnd, registry: ISettingRegistry | null, translator: ITranslator | null): IAppBuilder => {
    const api = new RestApi(app.serviceManager.serverSettings, load(translator));
    return {
      api,
      model: new PanelModel(api, app.serviceManager.serverSettings.baseUrl),
      settings: new Settings(registry, PLUGIN_ID)
    };
  }
};
