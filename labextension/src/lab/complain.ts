import { Notification } from '@jupyterlab/apputils';
import { RequestFailed } from '../core/wire/wire';

/** Tell the person what did not work, why, and what to do about it. */
export function complain(message: string, error: unknown): void {
  const failure = RequestFailed.from(error);
  Notification.error(`${message} ${failure.message} ${failure.hint}`.trim());
}
