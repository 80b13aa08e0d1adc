/** What `/` and `@` offer in a session: acts; files of the app, its versions, and what the place has beside. */

import * as React from 'react';
import { canGoOn, canRetry, previousVersion, versionTitle, type SessionView } from '../view/view';
import { useHost, useTranslation, type Host } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import type { Mode } from '../wire/events';
import type { Transport } from '../wire/transport';
import type { Attachments } from './attachments';
import { matching, type Suggest, type Suggestion } from './suggestions';

const MOST_VERSIONS = 20;
/** How long a list of files is taken for current (ms). */
const FRESH = 5000;

interface Parts {
  transport: Transport;
  view: SessionView;
  mode: Mode;
  setMode: (mode: Mode) => void;
  attempt: (request: Promise<unknown>) => void;
  attachments: Attachments | undefined;
  busy: boolean;
}

export function useSessionSuggestions(parts: Parts): Suggest {
  const trans = useTranslation();
  const host = useHost();
  const current = React.useRef({ ...parts, trans, host });
  current.current = { ...parts, trans, host };
  const files = React.useRef<{ at: number; paths: Promise<readonly string[]> } | null>(null);
  return React.useCallback((trigger, query) => {
    const { transport, view, attachments, trans, host } = current.current;
    if (trigger === '/') {
      return matching(acts(current.current), query);
    }
    if (!files.current || Date.now() - files.current.at > FRESH) {
      const paths = transport.files?.().catch(() => []) ?? Promise.resolve([]);
      files.current = { at: Date.now(), paths };
    }
    return Promise.all([files.current.paths, host.mentions?.(query).catch(() => []) ?? Promise.resolve([])]).then(
      ([paths, beside]) => [
        ...matching(paths.map(ofApp), query, 8),
        ...matching(
          view.checkpoints
            .filter((version, at) => version.name || at >= view.checkpoints.length - MOST_VERSIONS)
            .reverse()
            .map(version => ({
              key: `version ${version.checkpoint}`,
              label: versionTitle(version),
              detail: trans.__('version %1', version.checkpoint.slice(0, 8)),
              icon: 'clock',
              insert: trans.__('version %1 (“%2”)', version.checkpoint.slice(0, 8), versionTitle(version))
            })),
          query,
          4
        ),
        ...beside.map(mention => ofPlace(mention, attachments, trans))
      ]
    );
  }, []);
}

function ofApp(path: string): Suggestion {
  return { key: `app ${path}`, label: path, icon: 'file', insert: `@${path}` };
}

function ofPlace(
  mention: Awaited<ReturnType<NonNullable<Host['mentions']>>>[number],
  attachments: Attachments | undefined,
  trans: Translation
): Suggestion {
  const { key, label, detail, icon } = mention;
  if (mention.kind === 'text') {
    return { key, label, detail, icon, insert: mention.text };
  }
  return {
    key,
    label,
    detail,
    icon,
    insert: label,
    run: () => {
      if (attachments) {
        void attachments.read(label, mention.read, trans);
      }
    }
  };
}

/** Common acts, those alone that can be done now. */
function acts({
  view,
  transport,
  mode,
  setMode,
  attempt,
  busy,
  trans,
  host
}: Parts & {
  trans: Translation;
  host: Host;
}): Suggestion[] {
  const found: Suggestion[] = [];
  const add = (name: string, detail: string, icon: Suggestion['icon'], run: (() => void) | undefined | false): void => {
    if (run) {
      found.push({ key: name, label: `/${name}`, detail, icon, run });
    }
  };
  const recorded = view.session?.recorded ?? true;
  const chooses = (wanted: Mode): (() => void) | false =>
    !busy && !recorded && mode !== wanted && (() => setMode(wanted));
  const version = busy ? null : previousVersion(view);
  add('build', trans.__('The agent changes the app'), 'wrench', chooses('build'));
  add('plan', trans.__('Write a plan first'), 'plan', chooses('plan'));
  add('ask', trans.__('Ask about the app; nothing is changed'), 'question', chooses('ask'));
  add('stop', trans.__('Stop the agent'), 'stop', busy && (() => attempt(transport.stop())));
  add('continue', trans.__('Go on with the last request'), 'play', canGoOn(view) && (() => attempt(transport.goOn())));
  add(
    'retry',
    trans.__('Take back the last request and make it again'),
    'reload',
    canRetry(view) && (() => attempt(transport.retry()))
  );
  add(
    'undo',
    trans.__('Restore the previous version'),
    'undo',
    version !== null && (() => attempt(transport.restore(version.checkpoint)))
  );
  add('restart', trans.__('Restart the app'), 'reload', () => attempt(transport.preview('restart')));
  add('preview', trans.__('Show the preview'), 'page', host.showPreview);
  add('notebook', trans.__('Open the notebook'), 'notebook', host.openNotebook);
  add('files', trans.__('Show the files'), 'folder', host.openFolder);
  add('publish', trans.__('Publish the app'), 'upload', host.pages?.publish?.run);
  add('download', trans.__('Download as ZIP'), 'download', host.exportZip);
  add('models', trans.__('Model settings'), 'key', host.pages?.models?.run);
  add('new', trans.__('A new app'), 'plus', host.newApp);
  return found;
}
