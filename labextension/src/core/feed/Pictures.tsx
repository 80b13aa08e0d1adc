/** Pictures that a tool took of the app: small in its card, large at a click. */

import * as React from 'react';
import { useAddress, type Source } from '../controls/address';
import { useTranslation } from '../controls/surroundings';
import type { EventData } from '../wire/events';

export type KeptPicture = NonNullable<EventData['tool.finished']['pictures']>[number];

/** Gives an address to show a picture by; absent where none can be had. */
export const PictureSource = React.createContext<Source | null>(null);

/** Of a picture in its card, in CSS px. */
const HEIGHT = 160;

export function Pictures({ pictures }: { pictures: readonly KeptPicture[] }): React.ReactElement | null {
  if (pictures.length === 0) {
    return null;
  }
  return (
    <div className="jp-AppBuilder-pictures">
      {pictures.map(picture => (
        <Thumbnail key={picture.sha256} picture={picture} />
      ))}
    </div>
  );
}

function Thumbnail({ picture }: { picture: KeptPicture }): React.ReactElement | null {
  const trans = useTranslation();
  const source = React.useContext(PictureSource);
  const dialog = React.useRef<HTMLDialogElement>(null);
  const place = React.useRef<HTMLElement>(null);
  const address = useAddress(source, picture.sha256, place);
  if (!source) {
    return null;
  }
  if (address === null) {
    return <p className="jp-AppBuilder-note">{trans.__('The picture is no longer kept.')}</p>;
  }
  const image = address !== '' && <img src={address} alt={picture.alt} width={picture.width} height={picture.height} />;
  return (
    <figure ref={place} style={{ width: (HEIGHT * picture.width) / picture.height }} className="jp-AppBuilder-picture">
      <div style={{ aspectRatio: `${picture.width} / ${picture.height}` }}>
        {image && (
          <>
            <button
              type="button"
              aria-label={trans.__('Show the picture larger: %1', picture.alt)}
              onClick={() => dialog.current?.showModal()}
            >
              {image}
            </button>
            <dialog
              ref={dialog}
              className="jp-AppBuilder-largePicture"
              aria-label={picture.alt}
              onClick={() => dialog.current?.close()}
            >
              {image}
              <button type="button" className="jp-AppBuilder-button">
                {trans.__('Close')}
              </button>
            </dialog>
          </>
        )}
      </div>
      <figcaption>{picture.alt}</figcaption>
    </figure>
  );
}
