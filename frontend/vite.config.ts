import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { compress } from "./scripts/compress.ts";

// `npm run dev` shows the app against a Parley server on this machine (`make run`).
const server = process.env.PARLEY ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss(), compress()],
  // Everything is a file: a data: URL of a script or style would need a wider CSP.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": server, "/ws": { target: server, ws: true } } },
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    // A busy machine takes seconds to render a page.
    testTimeout: 30_000,
  },
});
