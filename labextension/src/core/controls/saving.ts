/** Give the person a file, by the browser's own way of saving one. */

/** How long what is saved is held for a browser that asks first (ms). */
const HELD = 60_000;

/** Give the person a text as a file. */
export function saveText(text: string, name: string, type: string): void {
  saveFile(new Blob([text], { type }), name);
}

export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), HELD);
}
