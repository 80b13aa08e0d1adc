/**
 * A session's notebook that is open in JupyterLab: cells appear in it by themselves while the session goes on.
 *
 * Meanwhile the server does not write the file: JupyterLab would not show it, and would ask at the next save whether to
 * overwrite it.
 */

import type { ISharedNotebook } from '@jupyter/ydoc';
import { UUID } from '@lumino/coreutils';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Contents } from '@jupyterlab/services';
import { RequestFailed } from '../core/wire/wire';
import type { RestApi } from './api';
import { Incomplete, markOf, merge, removeDoubles } from './merge';
import { IAppBuilder } from './tokens';

const BEAT = 20_000; // ms; the server waits for several
const GATHER = 300; // ms in which events are taken together
const OTHER_SAVES = 2000; // ms in which another window has saved what it added

type Context = DocumentRegistry.Context;

export const openNotebookPlugin: JupyterFrontEndPlugin<void> = {
  id: '@jupyter-appbuilder/labextension:open-notebook',
  description: 'Adds the cells of a running session to its notebook while that is open.',
  autoStart: true,
  requires: [IAppBuilder],
  activate: (app: JupyterFrontEnd, { api }: IAppBuilder) => {
    const open = new Map<Context, OpenNotebook>();
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (_widget, context) => {
        // Several views of one notebook share its context.
        if (!open.has(context)) {
          open.set(context, new OpenNotebook(context, api, app.serviceManager.contents));
          context.disposed.connect(() => {
            open.get(context)?.dispose();
            open.delete(context);
          });
        }
      }
    });
  }
};

/** Follows the session of one document, if it is a session's notebook, until the document is closed. */
export class OpenNotebook {
  private readonly client = UUID.uuid4();
  private session = '';
  private seen = 0; // the last event we heard of
  private first = true; // of the windows that have it open
  private held = false;
  private over = false;
  private work: Promise<void> = Promise.resolve();
  private gathering: ReturnType<typeof setTimeout> | undefined;
  private saved = ''; // the cells as they are in the file
  private beat: ReturnType<typeof setInterval> | undefined;
  private unwatch: (() => void) | undefined;

  constructor(
    private readonly context: Context,
    private readonly api: RestApi,
    private readonly contents: Contents.IManager
  ) {
    void context.ready.then(() => this.begin());
  }

  dispose(): void {
    if (this.over) {
      return;
    }
    this.over = true;
    clearTimeout(this.gathering);
    clearInterval(this.beat);
    this.unwatch?.();
    window.removeEventListener('pagehide', this.leave);
    window.removeEventListener('pageshow', this.comeBack);
    if (this.session) {
      this.release();
    }
  }

  private get notebook(): ISharedNotebook {
    return this.context.model.sharedModel as unknown as ISharedNotebook;
  }

  /** Nothing in the cells is unsaved. A document is dirty also when a kernel has told its version. */
  private get clean(): boolean {
    return !this.context.model.dirty || this.saved === this.cells;
  }

  private get cells(): string {
    return JSON.stringify(this.notebook.cells.map(cell => cell.toJSON()));
  }

  private begin(): void {
    const mark = this.over ? null : markOf(this.notebook);
    if (!mark) {
      return;
    }
    this.session = mark.session;
    this.seen = mark.last_seq;
    window.addEventListener('pagehide', this.leave);
    window.addEventListener('pageshow', this.comeBack);
    this.beat = setInterval(() => this.queue(() => this.hold()), BEAT);
    this.context.pathChanged.connect(() => this.queue(() => this.hold()));
    this.saved = this.context.model.dirty ? '' : this.cells;
    this.context.saveState.connect((_, state) => {
      if (state.startsWith('completed')) {
        this.saved = this.cells;
      }
    });
    this.notebook.changed.connect((_, change) => {
      if (this.context.model.collaborative && change.cellsChange) {
        // Not within the change that is being told.
        queueMicrotask(() => void (this.over || removeDoubles(this.notebook)));
      }
    });
    this.queue(async () => {
      await this.hold();
      if (!this.over) {
        this.watch();
        await this.update();
      }
    });
  }

  private watch(): void {
    this.unwatch = this.api.transport(this.session).watch({
      lastSeq: () => this.seen,
      message: message => {
        if (message.kind === 'events') {
          this.seen = message.events.at(-1)?.seq ?? this.seen;
          this.gather();
        }
      },
      connection: connection => {
        if (connection.state === 'closed') {
          this.dispose();
        } else if (connection.state === 'waiting') {
          this.held = false;
        } else if (connection.state === 'open' && !this.held) {
          // The server may have been another one meanwhile, which knows nothing of us.
          this.queue(() => this.hold());
          this.gather();
        }
      }
    });
  }

  /** One thing after the other; what fails is tried again with the next event or beat. */
  private queue(action: () => Promise<void>): void {
    this.work = this.work.then(async () => {
      if (this.over) {
        return;
      }
      try {
        await action();
      } catch (error) {
        if (
          RequestFailed.from(error).reason === 'unknown_session' ||
          RequestFailed.from(error).reason === 'owned_elsewhere'
        ) {
          this.dispose();
        } else {
          console.warn('The open notebook could not be brought up to date.', error);
        }
      }
    });
  }

  private gather(): void {
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      this.queue(() => this.update());
    }, GATHER);
  }

  /** Keep the server from writing the file. */
  private async hold(): Promise<void> {
    const { notebook, known, first } = await this.api.holdNotebook(this.session, this.client, true);
    if (notebook !== this.context.localPath) {
      // A copy, or a record that goes on elsewhere: an ordinary notebook.
      this.dispose();
      return;
    }
    this.held = true;
    this.first = first;
    if (!known) {
      await this.reload();
    }
  }

  /** Take the file as it is, if it has changed since it was read and nothing would be lost. */
  private async reload(): Promise<void> {
    const { context } = this;
    if (context.model.collaborative) {
      return; // the shared document follows the file by itself
    }
    const file = await this.contents.get(context.path, { content: false });
    if (!this.over && this.clean && file.last_modified !== context.contentsModel?.last_modified) {
      await context.revert();
      this.saved = this.cells;
    }
  }

  private async update(): Promise<void> {
    const { context } = this;
    if (!this.first && !context.model.collaborative && this.clean) {
      // Another window adds the cells and saves them.
      await new Promise(resolve => setTimeout(resolve, OTHER_SAVES));
      await this.reload();
      return;
    }
    let clean = false;
    const bring = async (after: number): Promise<boolean> => {
      const ours = await this.api.notebook(this.session, after);
      clean = this.clean;
      return !this.over && merge(this.notebook, ours);
    };
    let changed: boolean;
    try {
      changed = await bring(markOf(this.notebook)?.last_seq ?? 0);
    } catch (error) {
      if (!(error instanceof Incomplete)) {
        throw error;
      }
      changed = await bring(0);
    }
    if (changed && clean && this.first && context.contentsModel?.writable !== false) {
      await context.save();
    }
  }

  private release(leaving = false): void {
    this.api.holdNotebook(this.session, this.client, false, leaving).catch(() => {
      // It expires by itself.
    });
  }

  private readonly leave = (): void => this.release(true);

  private readonly comeBack = (event: PageTransitionEvent): void => {
    if (event.persisted) {
      this.queue(() => this.hold());
    }
  };
}
