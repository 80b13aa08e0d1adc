/** Files that are dragged here from JupyterLab's file browser, which has a way of dragging of its own (Lumino's). */

import * as React from 'react';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Attachments } from './attachments';

const PATHS = 'application/x-jupyter-icontents';

/** Lumino's drag event, as far as it is needed here. */
interface LuminoDrag extends Event {
  mimeData?: { hasData(mime: string): boolean; getData(mime: string): unknown };
  proposedAction?: string;
  dropAction?: string;
}

/** Attach what is dropped on an element. `over` says whether something is held above it. */
export function useServerFiles(
  place: React.RefObject<HTMLElement>,
  attachments: Attachments | undefined,
  over: (held: boolean) => void
): void {
  const { readFile } = useHost();
  const trans = useTranslation();
  React.useEffect(() => {
    const element = place.current;
    if (!element || !attachments || !readFile) {
      return;
    }
    const take = (event: LuminoDrag): void => {
      if (!event.mimeData?.hasData(PATHS)) {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      event.dropAction = event.type === 'lm-dragleave' ? 'none' : (event.proposedAction ?? 'copy');
      over(event.type === 'lm-dragover' || event.type === 'lm-dragenter');
      if (event.type === 'lm-drop') {
        for (const path of event.mimeData.getData(PATHS) as string[]) {
          void attachments.read(path, () => readFile(path), trans);
        }
      }
    };
    const types = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
    types.forEach(type => element.addEventListener(type, take));
    return () => types.forEach(type => element.removeEventListener(type, take));
  }, [place, attachments, readFile, trans, over]);
}
