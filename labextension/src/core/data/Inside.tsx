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

type View = 'data' | 'functions' | 'secrets' | 'layout';

export function Inside({
  data,
  files,
  functions,
  secrets,
  layout,
  changed
}: {
  /** Null for an app without a database. */
  data: Asks | null;
  files: FileAsks | null;
  functions: FunctionAsks | null;
  secrets: SecretAsks | null;
  layout: LayoutAsks | null;
  /** Another number whenever code or data may have changed. */
  changed: number;
}): React.ReactElement {
  const trans = useTranslation();
  const [view, setView] = React.useState<View>('data');
  const views = [
    { name: 'data', icon: 'table', title: trans.__('Rows') },
    ...(functions ? [{ name: 'functions', icon: 'terminal', title: trans.__('Functions') } as const] : []),
    ...(secrets ? [{ name: 'secrets', icon: 'key', title: trans.__('Secrets') } as const] : []),
    ...(layout ? [{ name: 'layout', icon: 'plan', title: trans.__('Layout') } as const] : [])
  ] as const;
  return (
    <>
      {views.length > 1 && (
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
      {view === 'data' && data && <DataPane asks={data} files={files} changed={changed} />}
      {view === 'data' && !data && files && <FilesPane asks={files} changed={changed} />}
      {view === 'functions' && functions && <FunctionsPane asks={functions} changed={changed} />}
      {view === 'secrets' && secrets && <SecretsPane asks={secrets} changed={changed} />}
      {view === 'layout' && layout && <LayoutPane asks={layout} changed={changed} />}
    </>
  );
}
