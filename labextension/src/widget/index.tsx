/** The anywidget: chat and feed on the left, the app on the right, or one above the other where there is no room. */

import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { PreviewPane } from '../core/session/Preview';
import { SessionPane } from '../core/session/Session';
import { SurroundingsContext } from '../core/controls/surroundings';
import { byName, ToolsContext, type Tools } from '../core/feed/toolLabel';
import { approvalRules, RulesPage } from '../core/pages/Rules';
import { UsagePage, usageAndBudgets } from '../core/pages/UsagePage';
import { SessionStore } from '../core/view/store';
import type { SandboxChoice } from '../core/wire/transport';
import { Attachments } from '../core/session/attachments';
import type { Composed } from '../core/panel';
import { leaveKeysToInputMethods } from '../core/controls/composing';
import { english } from '../core/controls/translation';
import { CommTransport, type CommModel } from './transport';

/** Bytes of a file, and a picture's smaller copy: a message to a kernel may have 10 MiB, and ends its connection beyond. */
const LARGEST = 6_000_000;

interface RenderProps {
  model: CommModel;
  el: HTMLElement;
}

function Widget({ store, transport }: { store: SessionStore; transport: CommTransport }): React.ReactElement {
  const [composed, setComposed] = React.useState<Composed | null>(null);
  const [draft, setDraft] = React.useState('');
  const [page, setPage] = React.useState<'rules' | 'usage' | null>(null);
  const surroundings = React.useMemo(
    () => ({
      trans: english,
      host: {
        rename: (title: string) => transport.update({ title }),
        compose: (text: string) => {
          setPage(null);
          setComposed({ text });
        },
        openSession: (id: string) => void transport.open(id).catch(() => undefined), // what is shown stays
        pages: {
          rules: { label: approvalRules.title(english), icon: approvalRules.icon, run: () => setPage('rules') },
          usage: { label: usageAndBudgets.title(english), icon: usageAndBudgets.icon, run: () => setPage('usage') }
        }
      }
    }),
    [transport]
  );
  const [attachments] = React.useState(() => new Attachments(transport.attach, LARGEST));
  const [sandboxes, setSandboxes] = React.useState<readonly SandboxChoice[]>([]);
  const [tools, setTools] = React.useState<Tools>(new Map());
  React.useEffect(() => {
    transport.sandboxes().then(setSandboxes, () => undefined); // an older kernel
    transport.tools().then(
      found => setTools(byName(found)),
      () => undefined
    );
  }, [transport]);
  const usage = React.useMemo(
    () => ({
      usage: transport.report.bind(transport),
      setBudgets: transport.setBudgets.bind(transport),
      downloadUsage: transport.downloadUsage.bind(transport)
    }),
    [transport]
  );
  const session = store.get().view.session;
  return (
    <SurroundingsContext.Provider value={surroundings}>
      <ToolsContext.Provider value={tools}>
        <div className="jp-AppBuilder jp-ThemedContainer jp-AppBuilder-widget">
          <div className="jp-AppBuilder-widgetSide">
            {page === 'rules' ? (
              <RulesPage
                api={transport}
                session={session?.id ?? null}
                title={session?.title ?? ''}
                onClose={() => setPage(null)}
              />
            ) : page === 'usage' ? (
              <UsagePage api={usage} transport={transport} models={[]} onClose={() => setPage(null)} />
            ) : (
              <SessionPane
                store={store}
                models={[]}
                sandboxes={sandboxes}
                composed={composed}
                draft={draft}
                onDraft={setDraft}
                attachments={attachments}
              />
            )}
          </div>
          <PreviewPane store={store} resolve={url => url} />
        </div>
      </ToolsContext.Provider>
    </SurroundingsContext.Provider>
  );
}

function render({ model, el }: RenderProps): () => void {
  leaveKeysToInputMethods(el);
  const root = createRoot(el);
  let shown = model.get('session');
  let store = draw();
  function draw(): SessionStore {
    const transport = new CommTransport(model);
    const made = new SessionStore(transport);
    root.render(<Widget key={shown} store={made} transport={transport} />);
    return made;
  }
  /** Another app, in place of this one; that one which had none until its first request has one is no other. */
  const changed = (): void => {
    const before = shown;
    shown = model.get('session');
    if (before !== '' && before !== shown) {
      store.dispose();
      store = draw();
    }
  };
  model.on('change:session', changed);
  // Keys typed here are not the notebook's: "d d" in a request must not delete a cell.
  const keep = (event: KeyboardEvent): void => event.stopPropagation();
  el.addEventListener('keydown', keep);
  el.dataset['lmSuppressShortcuts'] = 'true';
  return () => {
    model.off('change:session', changed);
    el.removeEventListener('keydown', keep);
    root.unmount();
    store.dispose();
  };
}

export default { render };
