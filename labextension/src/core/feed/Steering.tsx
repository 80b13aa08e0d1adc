import * as React from 'react';
import type { Turn, ForkedItem } from '../view/view';
import type { Person, PointedData } from '../wire/events';
import { RequestFailed } from '../wire/wire';
import { PointedChips } from '../session/PointedChips';
import { Lines } from './Code';
import { Disclosure } from '../controls/Disclosure';
import { Icon } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useHost, useTranslation } from '../controls/surroundings';
import { Failure } from '../controls/Failure';
import type { TurnActions } from './actions';
import { ByWhom } from './ByWhom';
import { AttachedFiles, type Attachment } from './AttachedFiles';

/** Something the person said. It can be edited: that begins a copy of the app from before it. */
export function Request({
  text,
  files,
  seq,
  pointed,
  byWhom,
  during = false,
  actions
}: {
  text: string;
  files: readonly Attachment[];
  /** The message's number in the log. */
  seq: number;
  /** At what the person pointed with it. */
  pointed: readonly PointedData[];
  /** Who said it, where the server knows people apart. */
  byWhom: Person | null;
  /** It was said while a request ran. */
  during?: boolean;
  actions: TurnActions;
}): React.ReactElement {
  const trans = useTranslation();
  const { openSession } = useHost();
  const { fork } = actions.transport;
  const [editing, setEditing] = React.useState(false);
  const button = React.useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setEditing(false);
    setTimeout(() => button.current?.focus());
  };
  if (editing && fork && openSession) {
    return (
      <RequestEditor
        text={text}
        during={during}
        onCancel={close}
        onSend={async edited => {
          const made = await fork({ message: seq }, edited);
          openSession(made.id, made);
        }}
      />
    );
  }
  return (
    <div className="jp-AppBuilder-requestRow">
      {fork && openSession && (
        <button
          ref={button}
          type="button"
          className="jp-AppBuilder-iconButton jp-AppBuilder-requestEdit"
          aria-label={trans.__('Edit: %1', text.slice(0, 60))}
          title={trans.__(
            'Edit this message and ask it in a copy of the app as it was before. This app is not changed.'
          )}
          onClick={() => setEditing(true)}
        >
          <Icon name="pencil" />
        </button>
      )}
      <div className="jp-AppBuilder-request">
        <ByWhom person={byWhom} />
        {text}
        <AttachedFiles files={files} actions={actions} />
        <PointedChips chips={pointed.map((found, key) => ({ key, found }))} />
      </div>
    </div>
  );
}

function RequestEditor({
  text,
  during,
  onCancel,
  onSend
}: {
  text: string;
  during: boolean;
  onCancel: () => void;
  onSend: (text: string) => Promise<void>;
}): React.ReactElement {
  const trans = useTranslation();
  const [edited, setEdited] = React.useState(text);
  const [sending, setSending] = React.useState(false);
  const [failure, setFailure] = React.useState<RequestFailed | null>(null);
  const area = React.useRef<HTMLTextAreaElement>(null);
  const note = React.useId();
  React.useEffect(() => {
    area.current?.focus();
    area.current?.setSelectionRange(text.length, text.length);
  }, [text]);
  const wanted = edited.trim();
  const send = (): void => {
    if (!wanted || sending) {
      return;
    }
    setSending(true);
    setFailure(null);
    onSend(wanted).catch((error: unknown) => {
      setFailure(RequestFailed.from(error));
      setSending(false);
    });
  };
  return (
    <div className="jp-AppBuilder-composer jp-AppBuilder-requestEditor">
      <textarea
        ref={area}
        value={edited}
        rows={Math.min(10, Math.max(3, edited.split('\n').length))}
        aria-label={trans.__('Edited message')}
        aria-describedby={note}
        readOnly={sending}
        onChange={event => setEdited(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onCancel();
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            send();
          }
        }}
      />
      <p className="jp-AppBuilder-note" id={note}>
        {during
          ? trans.__('Copies the app as it was before this request and asks this in the copy. This app is not changed.')
          : trans.__(
              'Copies the app as it was before this message and asks this in the copy. This app is not changed.'
            )}
      </p>
      {failure && <Failure error={failure} />}
      <div className="jp-AppBuilder-composerBar jp-AppBuilder-requestEditorBar">
        <button type="button" className="jp-AppBuilder-button" disabled={sending} onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
        <button
          type="button"
          className="jp-AppBuilder-button jp-mod-primary"
          disabled={!wanted || sending}
          title={trans.__('Ask this in a copy of the app (Ctrl+Enter)')}
          onClick={send}
        >
          <Icon name="fork" />
          {sending ? trans.__('Copying…') : trans.__('Ask in a copy')}
        </button>
      </div>
    </div>
  );
}

export function ContinueButton({ actions }: { actions: TurnActions }): React.ReactElement {
  const trans = useTranslation();
  return (
    <button
      type="button"
      className="jp-AppBuilder-button"
      disabled={actions.busy || !actions.owned}
      title={trans.__('Keep the work so far and continue.')}
      onClick={() => actions.attempt(actions.transport.goOn())}
    >
      <Icon name="play" />
      {trans.__('Continue')}
    </button>
  );
}

export function RetryButton({
  turn,
  quiet = false,
  actions
}: {
  turn: Turn;
  quiet?: boolean;
  actions: TurnActions;
}): React.ReactElement {
  const trans = useTranslation();
  return (
    <button
      type="button"
      className={quiet ? 'jp-AppBuilder-link jp-AppBuilder-retry' : 'jp-AppBuilder-button'}
      disabled={actions.busy || !actions.owned}
      title={
        turn.checkpoint
          ? trans.__('Undo this request’s changes and run it again. The current version can be restored.')
          : trans.__('Run the same request again.')
      }
      onClick={() => actions.attempt(actions.transport.retry())}
    >
      {!quiet && <Icon name="reload" />}
      {trans.__('Retry')}
    </button>
  );
}

/** A turn that was asked again: one line, which opens to what it did. */
export function DroppedTurn({
  turn,
  actions,
  children
}: {
  turn: Turn;
  actions: TurnActions;
  /** The turn as it was. */
  children: React.ReactNode;
}): React.ReactElement {
  const trans = useTranslation();
  const [open, setOpen] = React.useState(false);
  const body = React.useId();
  const { checkpoint, dropped } = turn;
  const previous = dropped?.previous ?? null;
  return (
    <article className="jp-AppBuilder-turn" aria-label={trans.__('Dropped attempt: %1', turn.request.slice(0, 80))}>
      <div className="jp-AppBuilder-checkpoint">
        <div className="jp-AppBuilder-checkpointHead">
          <Disclosure body={body} open={open} onToggle={setOpen} className="jp-AppBuilder-button jp-mod-quiet">
            <span>{dropped?.edits ? trans.__('Dropped attempt and edits') : trans.__('Dropped attempt')}</span>
            {checkpoint && <Lines added={checkpoint.added} removed={checkpoint.removed} />}
          </Disclosure>
          {previous && (
            <button
              type="button"
              className="jp-AppBuilder-button jp-mod-quiet"
              disabled={actions.busy || !actions.owned}
              title={
                actions.busy
                  ? trans.__('Wait until the running request has ended, or stop it.')
                  : trans.__('Restore the files as they were before the retry. This can be undone.')
              }
              onClick={() => actions.attempt(actions.transport.restore(previous))}
            >
              <Icon name="undo" />
              {trans.__('Bring back')}
            </button>
          )}
        </div>
      </div>
      {open && (
        <div id={body} className="jp-AppBuilder-dropped">
          {children}
        </div>
      )}
    </article>
  );
}

/** Begins a copy of the app at a version. */
export function ForkButton({
  checkpoint,
  actions
}: {
  checkpoint: string;
  actions: TurnActions;
}): React.ReactElement | null {
  const trans = useTranslation();
  const { openSession } = useHost();
  const { fork } = actions.transport;
  const [forking, setForking] = React.useState(false);
  if (!fork || !openSession) {
    return null;
  }
  return (
    <IconButton
      icon="fork"
      label={trans.__('Fork from here')}
      title={trans.__('Fork from here: copy this app at this version. This app is not changed.')}
      disabled={forking}
      onClick={() => {
        setForking(true);
        const made = fork({ checkpoint }).then(session => openSession(session.id, session));
        actions.attempt(made.finally(() => setForking(false)));
      }}
    />
  );
}

/** Where this session begins to be its own. */
export function Forked({ item }: { item: ForkedItem }): React.ReactElement {
  const trans = useTranslation();
  const { openSession } = useHost();
  const { source, name } = item;
  return (
    <div className="jp-AppBuilder-event">
      <Icon name="fork" />
      <span>
        {trans.__('Forked from')}{' '}
        {openSession ? (
          <button
            type="button"
            className="jp-AppBuilder-link"
            title={trans.__('Open the app that this one was forked from')}
            onClick={() => openSession(source)}
          >
            {name}
          </button>
        ) : (
          <em>{name}</em>
        )}
      </span>
    </div>
  );
}
