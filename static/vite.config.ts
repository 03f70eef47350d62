// Builds the console into dist/, for the server to embed. Nothing is inlined,
// so that the page lives under a policy of `default-src 'self'`.
import { defineConfig } from "vitest/config";
import solid from "vite-plugin-solid";

export default defineConfig({
  plugins: [solid()],
  build: {
    outDir: "dist",
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
  server: {
    proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } },
  },
  test: { environment: "node", include: ["test/**/*.test.ts"] },
});
