// Runs in the app's page, beside sight.js: how fast it was, from what the browser keeps since the page began.

var speed = (() => {
  const PAINT_MS = 500;
  const seen = { lcp_ms: 0, cls: 0, long_tasks: 0 };
  const observe = (type, take) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
    } catch {
      // a browser that does not tell
    }
  };
  observe("largest-contentful-paint", ({ startTime }) => (seen.lcp_ms = Math.round(startTime)));
  observe("layout-shift", ({ value, hadRecentInput }) => (seen.cls += hadRecentInput ? 0 : value));
  observe("longtask", () => (seen.long_tasks += 1));

  /** Wait for the next frame: a busy machine paints later than the page comes to rest. A page may have none. */
  const painted = () => Promise.race([new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))), new Promise((resolve) => setTimeout(resolve, PAINT_MS))]);

  /** Times in ms from the beginning of the load; `status`: of the document. */
  async function now() {
    if (!seen.lcp_ms) await painted();
    await new Promise((resolve) => setTimeout(resolve)); // what is kept comes in a task of its own
    const [navigation] = performance.getEntriesByType("navigation");
    return {
      ...seen,
      cls: Number(seen.cls.toFixed(3)),
      load_ms: Math.round(navigation?.loadEventEnd ?? 0),
      status: navigation?.responseStatus,
    };
  }

  return { now };
})();
