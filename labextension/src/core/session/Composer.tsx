import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';

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
  children?: React.ReactNode;
}

/** Where requests are written. Enter sends, Shift+Enter starts a new line; the box grows with its text. */
export const Composer = React.forwardRef<HTMLTextAreaElement, ComposerProps>(function Composer(props, forwarded) {
  const trans = useTranslation();
  const { text, setText, onSend, onStop, blocked = '', sendWithModifier = false } = props;
  const area = React.useRef<HTMLTextAreaElement | null>(null);
  const reason = React.useId();
  const canSend =
    text.trim() !== '' && blocked === '' && (!onStop || (props.listens === true && props.stopping !== true));

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
    <div className="jp-AppBuilder-composer">
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
        <div className="jp-AppBuilder-composerExtras">{props.children}</div>
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
