// Applies the app's migrations, in a thread of its own: one that takes long keeps no request waiting.
import { parentPort } from 'node:worker_threads';

import { prepare } from './accounts.mjs';
import { settingsNow } from './accountsettings.mjs';
import { migrate, open, usual } from './database.mjs';
import { begin } from './handover.mjs';

try {
  const db = open({});
  if (settingsNow()) prepare(db, usual);
  begin(db);
  const { applied, failed } = migrate(db, 'migrations');
  db.close();
  parentPort.postMessage({ applied, failed });
} catch (error) {
  parentPort.postMessage({ applied: [], failed: { message: error.message } });
}
