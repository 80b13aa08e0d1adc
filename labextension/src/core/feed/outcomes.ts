/** What is said of scenarios that were tried. */

import type { Translation } from '../controls/translation';
import type { Scenario } from '../view/items';

export function whyItFails(scenario: Scenario, trans: Translation): string {
  const { step, message = '' } = scenario;
  return step ? trans.__('Step %1: %2', step, message) : message;
}
