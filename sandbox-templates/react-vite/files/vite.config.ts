import { fileURLToPath } from "node:url";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  // A build runs below any path. Whoever starts the dev server may name another.
  base: "./",
  plugins: [react(), tailwindcss()],
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
      "recharts",
      "sonner",
      "class-variance-authority",
      "clsx",
      "tailwind-merge",
      "react-router",
      "react-hook-form",
      "@hookform/resolvers/zod",
      "zod",
      "@tanstack/react-table",
      "cmdk",
      "react-day-picker",
      "date-fns",
    ],
  },
});
