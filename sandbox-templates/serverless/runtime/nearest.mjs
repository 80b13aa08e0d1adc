// What somebody meant who wrote a name that is not there.

/** The most similar of `names`, or undefined. */
export function nearest(name, names) {
  const distance = (a, b) => {
    const row = Array.from({ length: b.length + 1 }, (_, at) => at);
    for (let i = 1; i <= a.length; i++) {
      let last = row[0]++;
      for (let j = 1; j <= b.length; j++) {
        const kept = row[j];
        row[j] = Math.min(row[j] + 1, row[j - 1] + 1, last + (a[i - 1] === b[j - 1] ? 0 : 1));
        last = kept;
      }
    }
    return row[b.length];
  };
  let best;
  let least = Infinity;
  for (const one of names) {
    const far = distance(String(name).slice(0, 100).toLowerCase(), String(one).slice(0, 100).toLowerCase());
    if (far < least) [best, least] = [one, far];
  }
  return best !== undefined && least <= Math.max(2, Math.min(name.length, best.length) / 2) ? best : undefined;
}
