// The runes of convex-svelte, compiled as an app's bundler compiles them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { compile, compileModule } from "svelte/compiler";
import { root } from "./dom.mjs";
import { api, play, wake } from "./story.mjs";

const svelte = {
  name: "svelte",
  setup(bundler) {
    const options = (filename) => ({ filename, generate: "client", dev: false });
    const read = (path) => readFileSync(path, "utf8");
    bundler.onLoad({ filter: /\.svelte$/ }, ({ path }) => ({
      contents: compile(read(path), options(path)).js.code,
    }));
    bundler.onLoad({ filter: /\.svelte\.js$/ }, ({ path }) => ({
      contents: compileModule(read(path), options(path)).js.code,
    }));
  },
};
const contents = 'export { default } from "./Story.svelte"; export { mount } from "svelte";';
const { outputFiles } = await build({
  stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
  bundle: true,
  write: false,
  format: "esm",
  conditions: ["svelte", "browser"],
  plugins: [svelte],
  logLevel: "error",
});
const folder = mkdtempSync(join(tmpdir(), "story-"));
const file = join(folder, "story.mjs");
writeFileSync(file, outputFiles[0].contents);
const { default: Story, mount } = await import(pathToFileURL(file));
rmSync(folder, { recursive: true });

const shown = {};
mount(Story, { target: root, props: { url: process.argv[2], api, shown, wake } });
await play(shown);
