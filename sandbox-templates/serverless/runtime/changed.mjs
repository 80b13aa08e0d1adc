/** Written anew by whoever changes rows from outside the app, where the server has made its folder. */
export const CHANGED = '.app/rows-changed';
