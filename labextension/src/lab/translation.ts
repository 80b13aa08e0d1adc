import { nullTranslator, type ITranslator } from '@jupyterlab/translation';
import { speak } from '../core/controls/language';
import type { Translation } from '../core/controls/translation';

/** The panel's texts in JupyterLab's language, which numbers, dates and direction follow where it has a catalogue. */
export function load(translator: ITranslator | null): Translation {
  const known = translator ?? nullTranslator;
  const trans = known.load('jupyter_appbuilder');
  // English laid out from right to left is worse to read than English.
  speak(trans.__('The agent is working.') === 'The agent is working.' ? 'en' : known.languageCode);
  return trans;
}
