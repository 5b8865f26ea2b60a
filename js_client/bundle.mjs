// Builds the package: its modules one by one, and one file for pages without a build step.
import { readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));

// A name that begins with `_` is our own affair, so it may be short.
const OPTIONS = { absWorkingDir: HERE, format: "esm", target: "es2022", mangleProps: /^_/, sourcemap: true };

/** The modules of the package as a user's bundler gets them, in this folder. */
export async function buildModules(outdir) {
  const files = await readdir(`${HERE}/src`, { recursive: true });
  const entryPoints = files.filter((file) => file.endsWith(".ts")).map((file) => `src/${file}`);
  const options = { ...OPTIONS, entryPoints, outbase: "src", outdir };
  // The short names have to be the same in all modules.
  const whole = { bundle: true, packages: "external", treeShaking: false, write: false };
  const { mangleCache } = await build({ ...options, ...whole, mangleCache: {} });
  await build({ ...options, mangleCache });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildModules("dist");
  await build({ ...OPTIONS, entryPoints: ["src/index.ts"], outfile: "dist/unisono.min.js", bundle: true, minify: true });
  await writeFile(`${HERE}/dist/unisono.min.d.ts`, 'export * from "./index.js";\n');
}
