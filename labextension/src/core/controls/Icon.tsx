import * as React from 'react';

/** Line icons on a 16-unit grid, drawn with the text's colour. */
const PATHS = {
  back: 'M10 3 5 8l5 5',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  send: 'M8 13V3M3.5 7.5 8 3l4.5 4.5',
  stop: 'M4.5 4.5h7v7h-7z',
  check: 'm3 8.5 3.2 3.2L13 4.8',
  cross: 'm4 4 8 8M12 4l-8 8',
  alert: 'M8 2.2 14.3 13H1.7zM8 6.5v3M8 11.4h.01',
  chevron: 'm6 3.5 4.5 4.5L6 12.5',
  attach:
    'M12.5 7.200 7.700 12a2.600 2.600 0 0 1-3.700-3.700L9.400 2.900a1.700 1.700 0 0 1 2.400 2.400L6.500 10.600a.8.8 0 0 1-1.200-1.200l4.600-4.600',
  file: 'M9.5 1.8H4v12.4h8V4.3zM9.5 1.8v2.5H12',
  filePlus: 'M9.5 1.8H4v12.4h8V4.3zM9.5 1.8v2.5H12M8 7v4M6 9h4',
  pencil: 'M10.8 2.7 13.3 5.2 5.5 13H3v-2.5z',
  trash: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4',
  terminal: 'm3 5 3 3-3 3M8 11.5h5',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3 14 14',
  list: 'M3 4h10M3 8h10M3 12h6',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  box: 'M8 1.8 13.5 5v6L8 14.2 2.5 11V5zM2.5 5 8 8.2 13.5 5M8 8.2v6',
  shield: 'M8 1.8 13 3.7V8c0 3-2.2 5.2-5 6.2C5.2 13.2 3 11 3 8V3.7zM5.8 8l1.6 1.6 2.9-3',
  undo: 'M5.5 3 2.5 6l3 3M2.5 6h6.7a4 4 0 1 1 0 7.8H6',
  reload: 'M13 3.2v3.3H9.7M12.8 6.4A5.2 5.2 0 1 0 13 9.6',
  external: 'M6.5 3H3v10h10V9.5M9.5 3H13v3.5M13 3 7.5 8.5',
  page: 'M2 3h12v10H2zM2 6.200h12M4.200 4.600h.01M6.200 4.600h.01',
  compare: 'M2 3h12v10H2zM8 1.500v13M10.200 6h1.600M10.200 8h1.600M10.200 10h1.600',
  desktop: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  tablet: 'M3.5 2h9v12h-9zM7.5 12h1',
  phone: 'M5 1.8h6v12.4H5zM7.5 12.3h1',
  width: 'M2 3.500v9M14 3.500v9M4 8h8M6 6 4 8l2 2M10 6l2 2-2 2',
  rotate:
    'M2.500 5.500h7v8h-7zM11.500 10.500c1.300 0 2.200-.900 2.200-2.200V5.500M12 7l1.700-1.700L15.200 7M6 3.200h2.500',
  forward: 'M6 3l5 5-5 5',
  moon: 'M13 9.700A5.500 5.500 0 0 1 6.300 3a5.500 5.500 0 1 0 6.700 6.700z',
  folder: 'M2 4h4.2l1.3 1.6H14V13H2z',
  notebook: 'M4 2h9v12H4zM6.5 2v12M2.5 5H4M2.5 8H4M2.5 11H4',
  download: 'M8 2.5v7.3M4.7 6.8 8 10l3.3-3.2M3 13.2h10',
  upload: 'M8 10V2.7M4.7 5.8 8 2.500l3.300 3.300M3 13.200h10',
  person: 'M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8zM3 13.8c.4-2.6 2.3-4 5-4s4.600 1.400 5 4',
  spark: 'M8 1.800 9.500 6.500 14.200 8 9.500 9.500 8 14.200 6.500 9.500 1.800 8 6.500 6.500z',
  play: 'M5 3v10l8-5z',
  diff: 'M8 3v6M5 6h6M5 12.500h6',
  up: 'M8 13V3.500M3.800 7.500 8 3.300l4.200 4.200',
  down: 'M8 3v9.500M3.800 8.500 8 12.700l4.200-4.200',
  wrench:
    'M10.200 2.200a3.600 3.600 0 0 0-3.900 4.900L2 11.400 4.600 14l4.300-4.300a3.600 3.600 0 0 0 4.900-3.900l-2.200 2.100-2.200-.500-.500-2.200z',
  key: 'M10.300 8.700a3.200 3.200 0 1 0-3-3L2 11v3h3v-1.800h1.800v-1.800h1.600z',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  globe:
    'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2.300 6.200h11.400M2.300 9.800h11.400M8 2c-3.200 3.400-3.200 8.600 0 12M8 2c3.200 3.400 3.200 8.600 0 12',
  plan: 'M6.500 4H13M6.500 8H13M6.500 12H13M2.500 4l.8.8L4.700 3.300M2.500 8l.8.8 1.400-1.500M2.500 12l.8.8 1.400-1.500',
  question:
    'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.300 6.400a1.800 1.800 0 1 1 2.600 1.600c-.6.300-.9.700-.9 1.300M8 11.200h.01',
  fork: 'M4.5 5.5a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM11.500 5.500a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM8 14a1.700 1.700 0 1 0 0-3.400A1.700 1.700 0 0 0 8 14zM4.500 5.500c0 2 1 2.500 3.500 2.500s3.500-.500 3.500-2.500M8 8v2.600',
  coin: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM10 5.800C9.500 5.200 8.800 5 8 5c-1.100 0-2 .600-2 1.500S7 7.800 8 8s2 .500 2 1.500S9.100 11 8 11c-.900 0-1.600-.300-2.100-.900M8 4v1M8 11v1',
  table: 'M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.700h11M6.200 6.300V13',
  schema: 'M2 2.500h5v4H2zM9 9.500h5v4H9zM4.500 6.500v5H9',
  pin: 'M6 2h4l-.5 4.500 2.500 2.500H4l2.500-2.500zM8 9v5',
  tag: 'M2.500 2.500h5l6 6-5 5-6-6zM5.200 5.200h.01',
  sliders: 'M2.500 4.500h6M12 4.500h1.500M10.300 2.700v3.600M2.500 11.500h2M8 11.500h5.500M6.300 9.700v3.600',
  point: 'M3 3.500h6M3 3.500v6M6.500 7l6.500 2.500-2.800 1-1 2.800z',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.700V8l2.300 1.500'
} as const;

export type IconName = keyof typeof PATHS;

/** They point along the line, so that they turn with it. */
const DIRECTED: ReadonlySet<IconName> = new Set(['back', 'forward', 'chevron', 'undo']);

export function isIcon(name: string): name is IconName {
  return name in PATHS;
}

export function Icon({ name, className = '' }: { name: IconName; className?: string }): React.ReactElement {
  return (
    <svg
      className={`jp-AppBuilder-icon ${DIRECTED.has(name) ? 'jp-mod-directed' : ''} ${className}`}
      viewBox="0 0 16 16"
      width="14"
      height="14"
      aria-hidden="true"
      focusable="false"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Work in progress. Stands still for those who ask for less motion. */
export function Spinner(): React.ReactElement {
  return <span className="jp-AppBuilder-spinner" aria-hidden="true" />;
}
