import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { buildModules } from "../bundle.mjs";

const PEERS = ["react", "vue", "svelte", "svelte/*", "solid-js"];

let modules: string;

beforeAll(async () => {
  modules = await mkdtemp(join(tmpdir(), "unisono-"));
  await buildModules(modules);
});

afterAll(() => rm(modules, { recursive: true }));

/** What these modules of the package weigh for a user who bundles and minifies them, in bytes of gzip. */
async function weigh(...names: string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: names.map((each) => `export * from "./${each}.js";`).join("\n"), resolveDir: modules },
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
  it("at most 7.3 kB, with all that is in it", async () => {
    expect(await weigh("index")).toBeLessThanOrEqual(7_294);
  });

  it("at most 1 kB more with pagination, and with the bindings of a framework", async () => {
    const [core, paginated] = [await weigh("index"), await weigh("index", "pagination")];
    expect(paginated - core).toBeLessThanOrEqual(1_024);
    for (const framework of ["react", "vue", "svelte", "solid"]) {
      expect((await weigh("index", "pagination", framework)) - paginated).toBeLessThanOrEqual(1_024);
    }
  });

  it("at most 2 kB for HTTP alone", async () => {
    expect(await weigh("http")).toBeLessThanOrEqual(2_048);
  });
});
