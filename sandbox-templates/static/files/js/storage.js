/** What is stored under a key, or the fallback when there is nothing, it cannot be read, or storage is forbidden. */
export function load(key, fallback) {
  try {
    const text = localStorage.getItem(key);
    return text === null ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

export function save(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Forbidden or full: the value lasts as long as the page.
  }
}
