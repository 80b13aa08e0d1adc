import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <g class="jp-icon3" fill="none" stroke="#616161" stroke-width="1.4" stroke-linejoin="round" stroke-linecap="round" style="fill:none">
    <path d="M8.500 13.300H3A1.200 1.200 0 0 1 1.800 12.100V3.900A1.200 1.200 0 0 1 3 2.700h10a1.200 1.200 0 0 1 1.200 1.200v3.600M1.800 5.700h12.400"/>
  </g>
  <path class="jp-icon3" fill="#616161" d="M12 8.300l.95 2.750 2.750.95-2.750.95-.95 2.750-.95-2.750-2.750-.95 2.750-.95z"/>
</svg>`;

export const appBuilderIcon = new LabIcon({ name: '@jupyter-appbuilder/labextension:icon', svgstr: SVG });
