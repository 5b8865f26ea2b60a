import { transformAsync } from "@babel/core";
import { compile } from "svelte/compiler";
import { defineConfig } from "vitest/config";

/** Components go through the compilers of their frameworks, as in an application. */
const components = {
  name: "components",
  enforce: "pre" as const,
  async transform(code: string, path: string) {
    if (path.endsWith(".svelte")) {
      const { js } = compile(code, { filename: path, generate: "client", dev: false });
      return { code: js.code, map: js.map };
    }
    if (!path.endsWith(".solid.jsx")) return undefined;
    const compiled = await transformAsync(code, { filename: path, presets: ["solid"], configFile: false, babelrc: false });
    return { code: compiled?.code ?? "", map: compiled?.map ?? null };
  },
};

export default defineConfig({
  plugins: [components],
  // Solid and Svelte have builds of their own for servers, in which nothing is live.
  resolve: { conditions: ["browser", "development"] },
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 30_000,
    server: { deps: { inline: ["solid-js", "svelte"] } },
  },
});
