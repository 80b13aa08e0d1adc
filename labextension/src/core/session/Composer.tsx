import * as React from 'react';
import { Icon } from '../controls/Icon';
import { useTranslation } from '../controls/surroundings';
import { SuggestionList, useSuggestions } from './SuggestionList';
import type { Suggest } from './suggestions';
import { useServerFiles } from './serverFiles';
import { AttachButton, AttachmentsRow, useAttachments, type Screenshots } from './AttachmentsRow';
import type { Attachments } from './attachments';
import type { ModelChoice } from '../wire/transport';

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
  /** Of the app; absent where there is none yet. */
  screenshots?: Screenshots | undefined;
  /** The model that it goes to, where it is known. */
  model?: ModelChoice | undefined;
  /** What was sent before, the latest last: the arrow up has it again. */
  past?: readonly string[];
  /** What `/` and `@` offer. */
  suggest?: Suggest | undefined;
  /** Have it asked once the running request has ended. */
  onQueue?: ((text: string) => void) | undefined;
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
  const box = React.useRef<HTMLDivElement>(null);
  useServerFiles(box, attachments, setOver);
  const back = usePast(props.past, text, setText, area);
  const suggestions = useSuggestions(props.suggest, ({ start, end }, insert) => {
    const after = text.slice(end).replace(/^ /, '');
    const more = insert.endsWith('/'); // a folder: what is in it comes next
    const gap = insert === '' || more ? '' : ' ';
    const written = `${text.slice(0, start)}${insert}${gap}${after}`;
    setText(written);
    const caret = start + insert.length + gap.length;
    requestAnimationFrame(() => {
      area.current?.setSelectionRange(caret, caret);
      if (more) {
        suggestions.look(written, caret);
      }
    });
  });
  const { offered } = suggestions;
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

  const canQueue = text.trim() !== '' && !sending;
  const send = (): void => {
    suggestions.close();
    if (canSend) {
      onSend(text.trim());
    }
  };
  return (
    <div
      ref={box}
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
      <SuggestionList suggestions={suggestions} />
      {props.along}
      {attachments && <AttachmentsRow attachments={attachments} model={props.model} />}
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
        aria-autocomplete={props.suggest ? 'list' : undefined}
        aria-controls={offered ? `${suggestions.id}-list` : undefined}
        aria-activedescendant={offered ? `${suggestions.id}-${offered.at}` : undefined}
        onChange={event => {
          setText(event.target.value);
          suggestions.look(event.target.value, event.target.selectionStart);
        }}
        onBlur={suggestions.close}
        onPaste={event => {
          const files = [...event.clipboardData.files];
          if (attachments && files.length > 0 && meansFiles(files, event.clipboardData.getData('text/plain'))) {
            event.preventDefault();
            attachments.add(files, trans);
          }
        }}
        onKeyDown={event => {
          if (suggestions.onKeyDown(event) || back(event)) {
            return;
          }
          if (props.onQueue && canQueue && event.key === 'Enter' && event.altKey) {
            event.preventDefault();
            event.stopPropagation();
            props.onQueue(text.trim());
            return;
          }
          if (event.key !== 'Enter' || event.shiftKey) {
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
          {attachments && <AttachButton attachments={attachments} screenshots={props.screenshots} />}
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
        {props.onQueue && canQueue && (
          <button
            type="button"
            className="jp-AppBuilder-button"
            title={trans.__('Ask it when the agent is done (Alt+Enter)')}
            onClick={() => props.onQueue?.(text.trim())}
          >
            <Icon name="clock" />
            {trans.__('Later')}
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

/** A table that is copied comes as text and as a picture of it: the text is meant. A file that is copied comes with its
 * name or path as text (Finder): the file is meant. */
function meansFiles(files: readonly File[], text: string): boolean {
  const names = text.split(/[\n\r]+/).flatMap(line => line.split(/[\\/]/).pop() || []);
  return names.every(name => files.some(file => file.name === name));
}

/** The arrow up at the text's beginning has what was sent before, the arrow down at its end what came after that, and
 * what was being written in the end. True where the key was one of these. */
function usePast(
  past: readonly string[] = NOTHING,
  text: string,
  setText: (text: string) => void,
  area: React.RefObject<HTMLTextAreaElement>
): (event: React.KeyboardEvent<HTMLTextAreaElement>) => boolean {
  const at = React.useRef<{ place: number; shown: string; written: string } | null>(null);
  if (at.current && at.current.shown !== text) {
    at.current = null; // it was changed: that is what is being written now
  }
  const show = (place: number, written: string): void => {
    const shown = place === past.length ? written : (past[place] ?? '');
    at.current = place === past.length ? null : { place, shown, written };
    setText(shown);
    const caret = place === past.length ? shown.length : 0;
    requestAnimationFrame(() => area.current?.setSelectionRange(caret, caret));
  };
  return event => {
    const { selectionStart, selectionEnd } = event.currentTarget;
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey || selectionStart !== selectionEnd) {
      return false;
    }
    const place = at.current?.place ?? past.length;
    if (event.key === 'ArrowUp' && selectionStart === 0 && place > 0) {
      show(place - 1, at.current?.written ?? text);
    } else if (event.key === 'ArrowDown' && at.current && (selectionStart === text.length || selectionStart === 0)) {
      show(place + 1, at.current.written);
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
}

const NOTHING: readonly string[] = [];
