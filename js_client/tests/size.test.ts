import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const PEERS = ["react", "vue", "svelte", "svelte/*", "solid-js"];

/** What these exports weigh for a user who bundles and minifies them, in bytes of gzip. */
async function weigh(...modules: string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: modules.map((each) => `export * from "./src/${each}.ts";`).join("\n"), resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: PEERS,
    write: false,
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

describe("the client weighs", () => {
  it("at most 8.2 kB, with all that is in it", async () => {
    expect(await weigh("index")).toBeLessThanOrEqual(8_200);
  });

  it("at most 1 kB more with pagination, and with the bindings of a framework", async () => {
    const [core, paginated] = [await weigh("index"), await weigh("index", "pagination")];
    expect(paginated - core).toBeLessThanOrEqual(1_000);
    for (const framework of ["react", "vue", "svelte", "solid"]) {
      expect((await weigh("index", "pagination", framework)) - paginated).toBeLessThanOrEqual(1_000);
    }
  });

  it("at most 2 kB for HTTP alone", async () => {
    expect(await weigh("http")).toBeLessThanOrEqual(2_000);
  });
});
