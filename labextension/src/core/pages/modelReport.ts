/** What the server found out of a model by asking it (`POST models/test`). */

import type { ModelReport as Whole } from '../wire/api.generated';

export type ModelReport = Pick<Whole, 'model' | 'usable' | 'verdict' | 'tokens_used' | 'checks'>;

/** A known name has a translation in place of its title. */
export type ModelCheck = ModelReport['checks'][number];

/** About what a test uses (`model_probe.TOKENS` on the server). */
export const TEST_TOKENS = 1200;
