// Applies the app's migrations, in a thread of its own: one that takes long keeps no request waiting.
import { parentPort } from 'node:worker_threads';

import { prepare } from './accounts.mjs';
import { settingsNow } from './accountsettings.mjs';
import { migrate, open, usual } from './database.mjs';
import { begin } from './handover.mjs';
import { POSTGRES } from './kind.mjs';

try {
  const { db, applied, failed } = POSTGRES ? await inPostgres() : inSqlite();
  db.close();
  parentPort.postMessage({ applied, failed });
} catch (error) {
  parentPort.postMessage({ applied: [], failed: { message: error.message } });
}

function inSqlite() {
  const db = open({});
  if (settingsNow()) prepare(db, usual);
  begin(db);
  return { db, ...migrate(db, 'migrations') };
}

async function inPostgres() {
  const [database, handover, accounts] = await Promise.all(['database', 'handover', 'accounts'].map((name) => import(`./postgres/${name}.mjs`)));
  const db = database.open({ seconds: 110 });
  if (settingsNow()) accounts.prepareAccounts(db);
  handover.begin(db);
  return { db, ...database.migrate(db, 'migrations') };
}
