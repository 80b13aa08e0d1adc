/** For every test: what is waited for may take as long as it does on a machine that is busy with others. */

import { configure } from '@testing-library/react';

configure({ asyncUtilTimeout: 5000 });
