const DISGUISES =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text with the letters in sight that would hide, or make the rest read in another order than it is. */
export function plainly(text: string): string {
  return text.replace(DISGUISES, letter => `⟨U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}
