import * as React from 'react';
import { useAddress } from '../controls/address';
import { Icon } from '../controls/Icon';
import { useHost, useTranslation } from '../controls/surroundings';
import type { Translation } from '../controls/translation';
import { PictureSource, type KeptPicture } from '../feed/Pictures';
import type { PointedData } from '../wire/events';
import type { ChipPicture } from './pointed';

/** What was pointed at, in the box and in the conversation: what it is, and where it is written. */
export function PointedChips({
  chips,
  onRemove,
  onText,
  onStyle
}: {
  chips: readonly { key: number; found: PointedData; literal?: boolean; picture?: ChipPicture | null }[];
  onRemove?: (key: number) => void;
  /** Have one show another text; only those whose text is written where they stand. */
  onText?: ((key: number, text: string) => Promise<void>) | undefined;
  /** Look at the style of one, beside the page. */
  onStyle?: ((key: number) => void) | undefined;
}): React.ReactElement | null {
  const trans = useTranslation();
  const [editing, setEditing] = React.useState(0); // a key
  const { openFile } = useHost();
  if (chips.length === 0) {
    return null;
  }
  return (
    <ul className="jp-AppBuilder-pointedChips" aria-label={trans.__('Pointed at in the page')}>
      {chips.map(({ key, found, literal = false, picture = null }) => {
        const { file, line } = found;
        const place = file === undefined ? '' : `${file}:${line ?? 1}`;
        const what = described(found, trans);
        return (
          <li
            key={key}
            className="jp-AppBuilder-pointedChip"
            title={[what, place, found.excerpt].filter(Boolean).join('\n')}
          >
            {picture && picture.address !== '' ? (
              <SmallPicture {...picture} what={what} />
            ) : found.picture ? (
              <KeptSmallPicture picture={found.picture} what={what} />
            ) : (
              <Icon name="point" />
            )}
            <span className="jp-AppBuilder-chipName" dir="auto">
              {what}
            </span>
            {file !== undefined &&
              (openFile ? (
                <button
                  type="button"
                  className="jp-AppBuilder-link"
                  dir="ltr"
                  aria-label={trans.__('Open %1 in the editor', place)}
                  onClick={() => openFile(file, line)}
                >
                  {`${file.split('/').pop() ?? file}:${line ?? 1}`}
                </button>
              ) : (
                <span>{place}</span>
              ))}
            {onText && literal && (
              <button
                type="button"
                className="jp-AppBuilder-iconButton"
                aria-label={trans.__('Change the text of %1', what)}
                title={trans.__('Change the text')}
                aria-expanded={editing === key}
                onClick={() => setEditing(editing === key ? 0 : key)}
              >
                <Icon name="pencil" />
              </button>
            )}
            {onStyle && !found.box && (
              <button
                type="button"
                className="jp-AppBuilder-iconButton"
                aria-label={trans.__('Change the style of %1', what)}
                title={trans.__('Change the style')}
                onClick={() => onStyle(key)}
              >
                <Icon name="sliders" />
              </button>
            )}
            {onRemove && (
              <button
                type="button"
                className="jp-AppBuilder-iconButton"
                aria-label={trans.__('Take out %1', what)}
                title={trans.__('Take it out')}
                onClick={() => onRemove(key)}
              >
                <Icon name="cross" />
              </button>
            )}
            {onText && editing === key && (
              <TextForm text={found.text} onSave={text => onText(key, text)} onClose={() => setEditing(0)} />
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** A picture that the log names: until it is here, and where it is no longer kept, the sign stands for it. */
function KeptSmallPicture({ picture, what }: { picture: KeptPicture; what: string }): React.ReactElement {
  const address = useAddress(React.useContext(PictureSource), picture.sha256) ?? '';
  return address === '' ? (
    <Icon name="point" />
  ) : (
    <SmallPicture address={address} width={picture.width} height={picture.height} what={what} />
  );
}

/** How it looked: small in the chip, large at a click. */
function SmallPicture({
  address,
  width,
  height,
  what
}: {
  address: string;
  width: number;
  height: number;
  what: string;
}): React.ReactElement {
  const trans = useTranslation();
  const dialog = React.useRef<HTMLDialogElement>(null);
  const alt = trans.__('How %1 looked', what);
  return (
    <>
      <button
        type="button"
        className="jp-AppBuilder-chipPicture"
        aria-label={trans.__('Show the picture larger: %1', alt)}
        onClick={() => dialog.current?.showModal()}
      >
        <img src={address} alt="" width={width} height={height} />
      </button>
      <dialog
        ref={dialog}
        className="jp-AppBuilder-largePicture"
        aria-label={alt}
        onClick={() => dialog.current?.close()}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation(); // who points goes on
          }
        }}
      >
        <img src={address} alt={alt} width={width} height={height} />
        <button type="button" className="jp-AppBuilder-button">
          {trans.__('Close')}
        </button>
      </dialog>
    </>
  );
}

function TextForm({
  text,
  onSave,
  onClose
}: {
  text: string;
  onSave: (text: string) => Promise<void>;
  onClose: () => void;
}): React.ReactElement {
  const trans = useTranslation();
  const [value, setValue] = React.useState(text);
  const [saving, setSaving] = React.useState(false);
  const input = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => input.current?.select(), []);
  const wanted = value.trim();
  const save = (): void => {
    if (wanted !== '' && wanted !== text && !saving) {
      setSaving(true);
      void onSave(wanted).finally(() => setSaving(false));
    }
  };
  return (
    <span className="jp-AppBuilder-chipForm">
      <input
        ref={input}
        value={value}
        maxLength={2000}
        aria-label={trans.__('New text')}
        onChange={event => setValue(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            save();
          } else if (event.key === 'Escape') {
            event.stopPropagation();
            onClose();
          }
        }}
      />
      <button
        type="button"
        className="jp-AppBuilder-button jp-mod-primary"
        disabled={wanted === '' || wanted === text || saving}
        title={trans.__('Changes the source at once, without the agent')}
        onClick={save}
      >
        {trans.__('Change')}
      </button>
    </span>
  );
}

/** `Button “Save”`. */
export function described(found: PointedData, trans: Translation): string {
  if (found.box) {
    return trans.__('Region of %1 × %2', found.box[2] ?? 0, found.box[3] ?? 0);
  }
  const name = found.name ?? found.tag;
  return found.text === '' ? name : `${name} “${found.text.length > 40 ? `${found.text.slice(0, 39)}…` : found.text}”`;
}
