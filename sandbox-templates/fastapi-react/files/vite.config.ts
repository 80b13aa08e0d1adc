import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Where the Python API answers. `npm run api` starts it at port 8000; the preview says another place. */
const api = process.env.API_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  // A build runs below any path. Whoever starts the dev server may name another.
  base: "./",
  plugins: [react(), tailwindcss(), pythonApi()],
  resolve: {
    alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) },
  },
  // node_modules may be a read-only mount, so the cache can be put elsewhere.
  cacheDir: process.env.VITE_CACHE_DIR ?? "node_modules/.vite",
  server: {
    host: "127.0.0.1",
    strictPort: true,
    allowedHosts: true,
    cors: true,
    warmup: { clientFiles: ["./src/main.tsx"] },
    watch: { ignored: ["**/data/**"] },
  },
  optimizeDeps: {
    // Known from the start, so that the first import of one of these does not reload the page.
    include: [
      "react",
      "react/jsx-runtime",
      "react/jsx-dev-runtime",
      "react-dom",
      "react-dom/client",
      "radix-ui",
      "lucide-react",
      "class-variance-authority",
      "clsx",
      "tailwind-merge",
    ],
  },
});

/** Hands requests for `<base>api` on to the Python API, and loads the page again after the API's code has changed. */
function pythonApi(): Plugin {
  return {
    name: "python-api",
    config({ base = "/" }) {
      const rewrite = (path: string) => `/${path.slice(base.length)}`;
      return { server: { proxy: { [`${base}api`]: { target: api, rewrite, ws: true } } } };
    },
    configureServer(server) {
      // An API whose code is broken may take connections and never answer: a request waits for it no longer than this.
      const health = () => fetch(`${api}/api/health`, { signal: AbortSignal.timeout(10_000) });
      server.middlewares.use(`${server.config.base}api`, async (_, response, next) => {
        const isWaiting = () => !response.headersSent && !response.destroyed;
        const refuse = (error: unknown) => {
          if (!isWaiting()) return;
          const silent = error instanceof Error && error.name === "TimeoutError";
          const detail = silent ? "The API does not answer. Its log says why." : "The API is not running.";
          response.writeHead(503, { "Content-Type": "application/json" }).end(JSON.stringify({ detail }));
        };
        // A route may be slow while the API is well. What reached it just before it was loaded anew may wait for good.
        const askAgain = () =>
          setTimeout(() => {
            if (isWaiting()) health().then(askAgain, refuse);
          }, 10_000);
        try {
          await health();
          next();
          askAgain();
        } catch (error) {
          refuse(error);
        }
      });
      let running: number | string | null = null;
      /** What tells one start of the API from another: when it was, or why it failed. */
      const started = async () => {
        try {
          const response = await health();
          const { started, detail } = (await response.json()) as { started?: number; detail?: string };
          return started ?? detail ?? null;
        } catch {
          return null;
        }
      };
      server.watcher.on("all", async (_, file) => {
        if (!file.endsWith(".py")) return;
        for (let attempt = 0; attempt < 100; attempt++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          const now = await started();
          if (now === null || now === running) continue;
          running = now;
          server.ws.send({ type: "full-reload" });
          return;
        }
      });
      void (async () => {
        while ((running = await started()) === null) await new Promise((resolve) => setTimeout(resolve, 200));
      })();
    },
  };
}
