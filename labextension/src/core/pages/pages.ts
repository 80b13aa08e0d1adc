/** The pages of the panel: buttons, menus and JupyterLab's commands follow from this list. */

import type { PageId } from '../panel';
import { looks } from './Looks';
import { modelSettings } from './ModelSetup';
import type { PanelPage } from './Page';
import { publish } from './Publish';
import { approvalRules } from './Rules';
import { saveTemplate } from './SaveTemplate';
import { network, sandbox, settings } from './Settings';
import { templateGallery } from './Templates';
import { usageAndBudgets } from './UsagePage';
import { versions } from './Versions';

export const PAGES: Readonly<Record<PageId, PanelPage>> = {
  models: modelSettings,
  rules: approvalRules,
  network,
  usage: usageAndBudgets,
  sandbox,
  templates: templateGallery,
  settings,
  versions,
  publish,
  looks,
  saveTemplate
};
