// How the interface is built and tested. Nothing is inlined into the page: its policy allows no inline script or style.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env["ACE_SERVE"] ?? "http://127.0.0.1:7788";

export default defineConfig({
  plugins: [react()],
  base: "/",
  build: { target: "es2023", modulePreload: { polyfill: false }, assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 900 },
  server: { proxy: { "/api": { target: server, ws: true } } },
  test: { include: ["test/**/*.test.{ts,tsx}"], environment: "node", testTimeout: 120_000 },
});
