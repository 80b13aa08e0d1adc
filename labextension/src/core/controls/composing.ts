/** Input methods (Japanese, Chinese, Korean …), which have keys of their own while a word is being composed. */

const COMPOSING = 229; // what browsers say of a key that an input method took

/**
 * Below `root` nobody else hears such a key: Enter chooses a character there and sends or renames nothing, Escape gives the
 * word up and closes nothing. To be called before anything else listens at `root`.
 */
export function leaveKeysToInputMethods(root: HTMLElement): void {
  root.addEventListener(
    'keydown',
    event => {
      // Safari ends the composition before the Enter that ended it.
      if (event.isComposing || event.keyCode === COMPOSING) {
        event.stopImmediatePropagation();
      }
    },
    true
  );
}
