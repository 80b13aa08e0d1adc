import { nullTranslator, type ITranslator } from '@jupyterlab/translation';
import type { Translation } from '../core/controls/translation';

export function load(translator: ITranslator | null): Translation {
  return (translator ?? nullTranslator).load('jupyter_appbuilder');
}
