/** What is behind an app's page: its data, its functions, their secrets and its layout, one at a time. */

import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import { DataPane, type Asks } from './DataPane';
import { FilesPane } from './FilesPane';
import { FunctionsPane, type FunctionAsks } from './FunctionsPane';
import { LayoutPane, type LayoutAsks } from './LayoutPane';
import { SecretsPane, type SecretAsks } from './SecretsPane';
import type { FileAsks } from './sending';

const HIDDEN = -2; // no number of changes: what is not seen is not read again, and what is seen again is

type View = 'data' | 'functions' | 'secrets' | 'layout';

export function Inside({
  data,
  files,
  functions,
  secrets,
  layout,
  changed,
  shown,
  held,
  onHold
}: {
  /** Null for an app without a database. */
  data: Asks | null;
  files: FileAsks | null;
  functions: FunctionAsks | null;
  secrets: SecretAsks | null;
  layout: LayoutAsks | null;
  /** Another number whenever code or data may have changed. */
  changed: number;
  /** False while the app's page stands in its place, and a file is on its way or says what came of it. */
  shown: boolean;
  held: boolean;
  onHold: (held: boolean) => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [view, setView] = React.useState<View>('data');
  const views = [
    { name: 'data', icon: 'table', title: trans.__('Rows') },
    ...(functions ? [{ name: 'functions', icon: 'terminal', title: trans.__('Functions') } as const] : []),
    ...(secrets ? [{ name: 'secrets', icon: 'key', title: trans.__('Secrets') } as const] : []),
    ...(layout ? [{ name: 'layout', icon: 'plan', title: trans.__('Layout') } as const] : [])
  ] as const;
  const rows = shown && view === 'data';
  const behind = { changed: rows ? changed : HIDDEN, hidden: !rows, onHold };
  return (
    <>
      {shown && views.length > 1 && (
        <div className="jp-AppBuilder-dataTables" role="group" aria-label={trans.__('Behind the page')}>
          {views.map(({ name, icon, title }) => (
            <button
              key={name}
              type="button"
              className="jp-AppBuilder-button jp-mod-quiet"
              aria-pressed={view === name}
              onClick={() => setView(name)}
            >
              <Icon name={icon} />
              {title}
            </button>
          ))}
        </div>
      )}
      {(rows || held) && data && <DataPane asks={data} files={files} {...behind} />}
      {(rows || held) && !data && files && <FilesPane asks={files} {...behind} />}
      {shown && view === 'functions' && functions && <FunctionsPane asks={functions} changed={changed} />}
      {shown && view === 'secrets' && secrets && <SecretsPane asks={secrets} changed={changed} />}
      {shown && view === 'layout' && layout && <LayoutPane asks={layout} changed={changed} />}
    </>
  );
}
