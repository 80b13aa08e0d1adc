/**
 * What a session's view shows, as a pure function of the messages received: `receive(view, messages)`.
 *
 * Whatever does not change keeps its identity, so that only the turn a message touches is drawn again. A batch copies
 * each list at most once: ten thousand events are reduced in a few milliseconds.
 */

import type { Summary, WireMessage } from '../wire/wire';
import { Draft } from './draft';
import {
  interrupted,
  TRY_SCENARIOS,
  type Checkpoint,
  type Entry,
  type SessionView,
  type ToolItem,
  type Turn
} from './items';
import { countLines } from './partial';
import { takeEvent, takeLive, takeSnapshot } from './reducers';

export * from './items';

/** The view after the messages, in order. */
export function receive(view: SessionView, messages: readonly WireMessage[]): SessionView {
  const next = new Draft(view);
  for (const message of messages) {
    switch (message.kind) {
      case 'events':
        for (const event of message.events) {
          takeEvent(next, event);
        }
        break;
      case 'snapshot':
        takeSnapshot(next, message);
        break;
      case 'live':
        takeLive(next, message);
        break;
      case 'session':
        next.view.session = message.session;
        break;
    }
  }
  return next.finish();
}

/** The session's state as people are told it: without a sandbox nothing is ready. */
export function shownState({ session, preview }: SessionView): Summary['state'] | null {
  const unmade = preview?.state === 'failed' && preview.cause === 'sandbox';
  return session && (session.state === 'ready' && unmade ? 'failed' : session.state);
}

export function lastTurn(view: SessionView): Turn | null {
  for (let at = view.entries.length - 1; at >= 0; at--) {
    const entry = view.entries[at];
    if (entry?.kind === 'turn') {
      return entry;
    }
  }
  return null;
}

/** A request runs, or waits for the person. */
export function isBusy(view: SessionView): boolean {
  const { session } = view;
  return (
    session?.state === 'busy' || session?.state === 'waiting' || (lastTurn(view)?.reason === null && !session?.trouble)
  );
}

/** Whether the person's own try of scenarios runs. */
export function isTrying(view: SessionView): boolean {
  return view.entries.some(
    entry =>
      entry.kind === 'aside' &&
      entry.items.some(item => item.kind === 'tool' && item.tool === TRY_SCENARIOS && item.state === 'running')
  );
}

/** A turn whose end could not be stored yet: nothing of it runs any more. */
export function cutShort(turn: Turn): Turn {
  return { ...turn, items: interrupted(turn.items), partial: turn.partial && { ...turn.partial, tool_calls: [] } };
}

/** The last request was cut short, and can be gone on with. */
export function canGoOn(view: SessionView): boolean {
  const last = lastTurn(view);
  const cut = last !== null && last.reason !== null && last.reason !== 'done' && !last.dropped;
  return cut && !isBusy(view) && (view.session?.owned ?? false);
}

/** The last request can be made again. */
export function canRetry(view: SessionView): boolean {
  const last = lastTurn(view);
  return last !== null && last.reason !== null && !last.dropped && !isBusy(view) && (view.session?.owned ?? false);
}

/** The checkpoint whose files are in the workspace now, as far as the log tells; none once somebody edited by hand. */
export function currentCheckpoint(view: SessionView): string | null {
  const newest = view.checkpoints[view.checkpoints.length - 1];
  const kept = newest && newest.tree === view.tree ? newest.checkpoint : null;
  // Asked with each frame: a long conversation is not copied for it.
  for (let at = view.entries.length - 1; at >= 0; at--) {
    const entry = view.entries[at] as Entry;
    if (entry.kind === 'turn') {
      if (entry.dropped) {
        return entry.dropped.checkpoint;
      }
      if (entry.checkpoint) {
        return entry.checkpoint.checkpoint;
      }
      continue;
    }
    for (const item of [...entry.items].reverse()) {
      if (item.kind === 'restore') {
        return item.restored.checkpoint;
      }
      if (item.kind === 'file' || (item.kind === 'tool' && item.files.length > 0)) {
        return kept;
      }
    }
  }
  return kept;
}

/** What a version is called where there is room for a line: its name, else what it was made for. */
export function versionTitle({ name, title }: Checkpoint): string {
  return name || (title.split('\n')[0] ?? '').slice(0, 80);
}

/** The version before what the files are now: with edits by hand, the last one that was kept. */
export function previousVersion(view: SessionView): Checkpoint | null {
  const { checkpoints } = view;
  const id = currentCheckpoint(view);
  const current = checkpoints.find(known => known.checkpoint === id);
  if (!current) {
    return checkpoints[checkpoints.length - 1] ?? null;
  }
  return checkpoints.find(known => known.checkpoint === current.parent) ?? null;
}

/** Lines added and removed by the calls' file changes. */
export function linesChanged(item: ToolItem): { added: number; removed: number } {
  if (item.files.length > 0) {
    return item.files.reduce((sum, file) => ({ added: sum.added + file.added, removed: sum.removed + file.removed }), {
      added: 0,
      removed: 0
    });
  }
  const { added, removed } = item.result?.detail ?? {};
  if (typeof added === 'number' || typeof removed === 'number') {
    return { added: Number(added ?? 0), removed: Number(removed ?? 0) };
  }
  const content = item.arguments['content'];
  return { added: typeof content === 'string' ? countLines(content) : 0, removed: 0 };
}
