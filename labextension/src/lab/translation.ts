import { nullTranslator, type ITranslator } from '@jupyterlab/translation';
import { speak } from '../core/controls/language';
import type { Translation } from '../core/controls/translation';

/** The panel's texts in JupyterLab's language, which numbers and dates follow. */
export function load(translator: ITranslator | null): Translation {
  const known = translator ?? nullTranslator;
  speak(known.languageCode);
  return known.load('jupyter_appbuilder');
}
