/** The App Builder in JupyterLab: one plugin each for what it knows, shows and does. */

import { appsPlugin } from './apps';
import { copiesPlugin } from './copies';
import { fromNotebookPlugin } from './fromNotebook';
import { modelPlugin } from './model';
import { noticesPlugin } from './notices';
import { openNotebookPlugin } from './openNotebook';
import { commandsPlugin } from './palette';
import { panelPlugin } from './panel';
import { previewsPlugin } from './previews';
import { restorePlugin } from './restore';
import { statusPlugin } from './status';
import { tourPlugin } from './tour';

export default [
  modelPlugin,
  previewsPlugin,
  panelPlugin,
  appsPlugin,
  commandsPlugin,
  statusPlugin,
  restorePlugin,
  openNotebookPlugin,
  fromNotebookPlugin,
  copiesPlugin,
  noticesPlugin,
  tourPlugin
];
export { CommandIDs, IAppBuilder, IAppBuilderApps, IAppBuilderPanel, IAppBuilderPreviews } from './tokens';
