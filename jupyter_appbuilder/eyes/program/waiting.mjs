/** What `work` gives, or an error with `timedOut` after so many milliseconds. */
export async function within(milliseconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("It took too long."), { timedOut: true })), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch?.(() => {});
  }
}
