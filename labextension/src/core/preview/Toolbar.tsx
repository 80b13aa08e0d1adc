import * as React from 'react';
import { Spinner } from '../controls/Icon';
import { IconButton } from '../controls/IconButton';
import { useTranslation } from '../controls/surroundings';
import { Address } from './Address';
import type { FrameSize } from './frameSize';
import type { Route } from './routes';
import { SizeControls } from './SizeControls';

export interface ToolbarProps {
  /** Whether the app has data to be shown in its place, and whether they are; null where there are none. */
  data: { shown: boolean; show: (shown: boolean) => void } | null;
  /** The page can be asked. */
  there: boolean;
  starting: boolean;
  path: string;
  routes: readonly Route[];
  onRoutes: () => void;
  onGo: (path: string) => void;
  onBack: () => void;
  onForward: () => void;
  onReload: () => void;
  size: FrameSize;
  setSize: (size: FrameSize) => void;
  room: { width: number; height: number };
  scale: number;
  dark: boolean;
  setDark: (dark: boolean) => void;
  /** Whether this preview keeps its app, where it could show another. */
  pin: { pinned: boolean; set: (pinned: boolean) => void } | null;
  onRestart: () => void;
  onOpen: () => void;
  /** Tools for the page that is shown. */
  children?: React.ReactNode;
}

/** What a person needs around the page. */
export function Toolbar(props: ToolbarProps): React.ReactElement {
  const trans = useTranslation();
  const { data, there, dark, pin } = props;
  return (
    <div className="jp-AppBuilder-previewBar" role="toolbar" aria-label={trans.__('Preview tools')}>
      {data && (
        <span className="jp-AppBuilder-devices" role="group" aria-label={trans.__('What is shown')}>
          <IconButton icon="page" label={trans.__('The app')} onClick={() => data.show(false)} pressed={!data.shown} />
          <IconButton icon="table" label={trans.__('Its data')} onClick={() => data.show(true)} pressed={data.shown} />
        </span>
      )}
      {data?.shown ? (
        <span className="jp-AppBuilder-dataTitle">{trans.__('Data of the app')}</span>
      ) : (
        <>
          <span className="jp-AppBuilder-devices">
            <IconButton icon="back" label={trans.__('Back')} onClick={props.onBack} disabled={!there} />
            <IconButton icon="forward" label={trans.__('Forward')} onClick={props.onForward} disabled={!there} />
            <IconButton icon="reload" label={trans.__('Reload the page')} onClick={props.onReload} disabled={!there} />
          </span>
          <Address path={props.path} routes={props.routes} disabled={!there} onAsk={props.onRoutes} onGo={props.onGo}>
            {props.starting && <Spinner />}
          </Address>
          <SizeControls size={props.size} setSize={props.setSize} room={props.room} scale={props.scale} />
          <IconButton
            icon="moon"
            label={trans.__('Dark app')}
            title={trans.__('Show the app as to people who prefer dark colours')}
            onClick={() => props.setDark(!dark)}
            pressed={dark}
          />
          {props.children}
        </>
      )}
      {pin && (
        <IconButton
          icon="pin"
          label={trans.__('Pin')}
          title={
            pin.pinned
              ? trans.__('This tab keeps showing this app. Press to have it follow the panel again.')
              : trans.__('Keep this app in this tab; another app opens in a tab of its own')
          }
          onClick={() => pin.set(!pin.pinned)}
          pressed={pin.pinned}
        />
      )}
      <IconButton
        icon="play"
        label={trans.__('Restart the dev server')}
        onClick={props.onRestart}
        disabled={props.starting}
      />
      <IconButton
        icon="external"
        label={trans.__('Open in a new browser tab')}
        onClick={props.onOpen}
        disabled={!there}
      />
    </div>
  );
}
