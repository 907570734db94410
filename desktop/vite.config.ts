import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { compressed } from "./compress.ts";

// The server's address while developing: `npm run dev` beside a running `switchboard run`.
const server = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    outDir: "../screenpop/static",
    emptyOutDir: true,
    // Everything is its own file: the content security policy allows no inline script or style.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "supervisor.html", "demo_call.html"] },
  },
  server: { proxy: { "/api": server, "/agent": { target: server, ws: true } } },
});
