import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import { AttachButton, AttachmentsRow, useAttachments } from './AttachmentsRow';
import type { Attachments } from './attachments';

export interface ComposerProps {
  label: string;
  placeholder: string;
  text: string;
  setText: (text: string) => void;
  onSend: (text: string) => void;
  /** Present while a turn runs: there is a stop button, and no send button until something is written. */
  onStop?: (() => void) | undefined;
  /** What is sent while a turn runs reaches the agent at its next step. */
  listens?: boolean;
  stopping?: boolean;
  /** Why nothing can be sent now; empty when it can. */
  blocked?: string;
  /** Send with Ctrl/⌘ + Enter instead of Enter. */
  sendWithModifier?: boolean;
  sendLabel?: string | undefined;
  rows?: number;
  /** The files that go with it; absent where none can be sent. */
  attachments?: Attachments | undefined;
  children?: React.ReactNode;
  /** What goes along with the text: stands above it. */
  along?: React.ReactNode;
}

/** Where requests are written. Enter sends, Shift+Enter starts a new line; the box grows with its text. */
export const Composer = React.forwardRef<HTMLTextAreaElement, ComposerProps>(function Composer(props, forwarded) {
  const trans = useTranslation();
  const { text, setText, onSend, onStop, blocked = '', sendWithModifier = false } = props;
  const area = React.useRef<HTMLTextAreaElement | null>(null);
  const reason = React.useId();
  const { attachments } = props;
  const sending = useAttachments(attachments).files.some(file => file.sent === null);
  const [over, setOver] = React.useState(false);
  const canSend =
    text.trim() !== '' &&
    blocked === '' &&
    !sending &&
    (!onStop || (props.listens === true && props.stopping !== true));

  React.useLayoutEffect(() => {
    const element = area.current;
    if (element) {
      element.style.height = 'auto';
      // A hidden panel measures nothing: leave it to its rows.
      if (text !== '' && element.scrollHeight > 0) {
        element.style.height = `${Math.min(element.scrollHeight + 2, 260)}px`;
      }
    }
  }, [text]);

  const send = (): void => {
    if (canSend) {
      onSend(text.trim());
    }
  };
  return (
    <div
      className={`jp-AppBuilder-composer${over ? ' jp-mod-over' : ''}`}
      onDragOver={event => {
        if (attachments && event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          event.dataTransfer.dropEffect = 'copy';
          setOver(true);
        }
      }}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) {
          setOver(false);
        }
      }}
      onDrop={event => {
        setOver(false);
        if (attachments && event.dataTransfer.files.length > 0) {
          event.preventDefault();
          event.stopPropagation();
          attachments.add([...event.dataTransfer.files], trans);
        }
      }}
    >
      {props.along}
      {attachments && <AttachmentsRow attachments={attachments} />}
      <textarea
        ref={element => {
          area.current = element;
          if (typeof forwarded === 'function') {
            forwarded(element);
          } else if (forwarded) {
            forwarded.current = element;
          }
        }}
        rows={props.rows ?? 2}
        value={text}
        placeholder={props.placeholder}
        aria-label={props.label}
        aria-describedby={blocked ? reason : undefined}
        onChange={event => setText(event.target.value)}
        onPaste={event => {
          // A table that is copied comes as text and as a picture of it: the text is meant.
          const { files, types } = event.clipboardData;
          if (attachments && files.length > 0 && !types.includes('text/plain')) {
            event.preventDefault();
            attachments.add([...files], trans);
          }
        }}
        onKeyDown={event => {
          // An input method's Enter chooses a character.
          if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.shiftKey) {
            return;
          }
          if (sendWithModifier && !event.ctrlKey && !event.metaKey) {
            return;
          }
          event.preventDefault();
          event.stopPropagation();
          send();
        }}
      />
      <div className="jp-AppBuilder-composerBar">
        <div className="jp-AppBuilder-composerExtras">
          {attachments && <AttachButton attachments={attachments} />}
          {props.children}
        </div>
        {onStop && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-stop"
            onClick={onStop}
            disabled={props.stopping}
            title={trans.__('Stop the agent. What it has done so far is kept.')}
          >
            <Icon name="stop" />
            {props.stopping ? trans.__('Stopping…') : trans.__('Stop')}
          </button>
        )}
        {(!onStop || canSend) && (
          <button
            type="button"
            className="jp-AppBuilder-button jp-mod-primary"
            disabled={!canSend}
            title={
              onStop
                ? trans.__('The agent sees it at its next step')
                : sendWithModifier
                  ? trans.__('Send (Ctrl+Enter)')
                  : trans.__('Send (Enter; Shift+Enter for a new line)')
            }
            onClick={send}
          >
            <Icon name="send" />
            {props.sendLabel ?? trans.__('Send')}
          </button>
        )}
      </div>
      {blocked && (
        <p className="jp-AppBuilder-note" id={reason}>
          {blocked}
        </p>
      )}
    </div>
  );
});
