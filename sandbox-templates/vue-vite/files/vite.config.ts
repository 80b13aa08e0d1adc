import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  // A build runs below any path. Whoever starts the dev server may name another.
  base: "./",
  plugins: [vue(), tailwindcss()],
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
    warmup: { clientFiles: ["./src/main.ts"] },
  },
  optimizeDeps: {
    // Known from the start, so that the first import of one of these does not reload the page.
    include: ["vue", "vue-router", "pinia", "@lucide/vue", "reka-ui", "chart.js", "vue-chartjs"],
  },
});
