export { tableSource } from './source';
export { readTable, ROWS_AT_MOST } from './table';
