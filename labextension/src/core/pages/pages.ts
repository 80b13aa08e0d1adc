/** The pages of the panel: buttons, menus and JupyterLab's commands follow from this list. */

import type * as React from 'react';
import type { Catalog } from '../wire/catalog';
import type { PageId, PanelModel } from '../panel';
import type { Translation } from '../controls/translation';
import type { Summary } from '../wire/wire';
import type { IconName } from '../controls/Icon';
import { modelSettings } from './ModelSetup';
import { approvalRules } from './Rules';
import { usageAndBudgets } from './UsagePage';

export interface PageProps {
  model: PanelModel;
  /** The session that is open, if one is. */
  session: Summary | null;
  catalog: Catalog;
}

export interface PanelPage {
  title: (trans: Translation) => string;
  icon: IconName;
  /** Takes the panel's place until it calls `model.leave`. */
  Body: (props: PageProps) => React.ReactElement;
}

export const PAGES: Readonly<Record<PageId, PanelPage>> = {
  models: modelSettings,
  rules: approvalRules,
  usage: usageAndBudgets
};
