// Writes the one file that a page can load without a build step of its own.
import { writeFile } from "node:fs/promises";

import { build } from "esbuild";

await build({
  entryPoints: ["src/index.ts"],
  outfile: "dist/unisono.min.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
});
await writeFile("dist/unisono.min.d.ts", 'export * from "./index.js";\n');
