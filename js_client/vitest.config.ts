import { defineConfig } from "vitest/config";

export default defineConfig({
  // Solid and Svelte have builds of their own for servers, in which nothing is live.
  resolve: { conditions: ["browser", "development"] },
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 10_000,
    server: { deps: { inline: ["solid-js", "svelte"] } },
  },
});
