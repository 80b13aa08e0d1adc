/** The anywidget: chat and feed on the left, the app on the right, or one above the other where there is no room. */

import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { PreviewPane } from '../core/session/Preview';
import { SessionPane } from '../core/session/Session';
import { SurroundingsContext } from '../core/controls/surroundings';
import { byName, ToolsContext, type Tools } from '../core/feed/toolLabel';
import { SessionStore } from '../core/view/store';
import type { SandboxChoice } from '../core/wire/transport';
import type { Composed } from '../core/panel';
import { english } from '../core/controls/translation';
import { CommTransport, type CommModel } from './transport';

interface RenderProps {
  model: CommModel;
  el: HTMLElement;
}

function Widget({ store, transport }: { store: SessionStore; transport: CommTransport }): React.ReactElement {
  const [composed, setComposed] = React.useState<Composed | null>(null);
  const surroundings = React.useMemo(
    () => ({
      trans: english,
      host: {
        rename: (title: string) => transport.update({ title }),
        compose: (text: string) => setComposed({ text })
      }
    }),
    [transport]
  );
  const [sandboxes, setSandboxes] = React.useState<readonly SandboxChoice[]>([]);
  const [tools, setTools] = React.useState<Tools>(new Map());
  React.useEffect(() => {
    transport.sandboxes().then(setSandboxes, () => undefined); // an older kernel
    transport.tools().then(
      found => setTools(byName(found)),
      () => undefined
    );
  }, [transport]);
  return (
    <SurroundingsContext.Provider value={surroundings}>
      <ToolsContext.Provider value={tools}>
        <div className="jp-AppBuilder jp-ThemedContainer jp-AppBuilder-widget">
          <SessionPane store={store} models={[]} sandboxes={sandboxes} composed={composed} />
          <PreviewPane store={store} resolve={url => url} />
        </div>
      </ToolsContext.Provider>
    </SurroundingsContext.Provider>
  );
}

function render({ model, el }: RenderProps): () => void {
  const transport = new CommTransport(model);
  const store = new SessionStore(transport);
  const root = createRoot(el);
  root.render(<Widget store={store} transport={transport} />);
  // Keys typed here are not the notebook's: "d d" in a request must not delete a cell.
  const keep = (event: KeyboardEvent): void => event.stopPropagation();
  el.addEventListener('keydown', keep);
  el.dataset['lmSuppressShortcuts'] = 'true';
  return () => {
    el.removeEventListener('keydown', keep);
    root.unmount();
    store.dispose();
  };
}

export default { render };
