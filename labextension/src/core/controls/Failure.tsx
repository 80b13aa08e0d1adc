/** An error of a request: what failed, and what to do about it. */

import * as React from 'react';
import type { RequestFailed } from '../wire/wire';
import { Icon } from './Icon';

export function Failure({ error, children }: { error: RequestFailed; children?: React.ReactNode }): React.ReactElement {
  return (
    <div className="jp-AppBuilder-notice jp-mod-error" role="alert">
      <Icon name="alert" />
      <div>
        <p>{error.message}</p>
        {error.hint && <p className="jp-AppBuilder-hint">{error.hint}</p>}
        {children}
      </div>
    </div>
  );
}
