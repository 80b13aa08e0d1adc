/** Of several answers the one to the newest question counts: an effect asks, looks whether it `is` still the newest when it
 * is answered, and returns `end`. */
export function tracked(): { readonly is: boolean; readonly end: () => void } {
  const current = { is: true, end: () => void (current.is = false) };
  return current;
}
