/** The package as its users get it: what the tools for packages say, and what its public types promise. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

import ts from "typescript";
import { describe, expect, it } from "vitest";

const HERE = new URL("..", import.meta.url).pathname;
const BIN = new URL("../../node_modules/.bin/", import.meta.url).pathname;
const MISSING = [`${HERE}dist/index.js`].filter((path) => !existsSync(path));

type Manifest = {
  readonly exports: { readonly [path: string]: string | { readonly types: string; readonly default: string } };
  readonly dependencies?: object;
  readonly sideEffects: boolean;
};
const manifest = JSON.parse(readFileSync(`${HERE}package.json`, "utf8")) as Manifest;
const entries = Object.values(manifest.exports).flatMap((each) => (typeof each === "string" ? [] : [each]));

const run = (command: string, ...args: string[]): { status: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(`${BIN}${command}`, args, { cwd: HERE, encoding: "utf8" });
  return { status, output: stdout + stderr };
};

/** Where a type is written as `any`, in the declarations that users read. */
function anys(path: string): string[] {
  const found: string[] = [];
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const look = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${path}: ${node.parent.getText()}`);
    node.forEachChild(look);
  };
  look(source);
  return found;
}

/** A declaration file and all that it refers to. */
function reachable(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, name] of readFileSync(path, "utf8").matchAll(/from "(\.[^"]+)\.js"|import\("\.[^"]+"\)/g)) {
    if (name) reachable(new URL(`${name}.d.ts`, `file://${path}`).pathname, seen);
  }
  return seen;
}

describe.skipIf(MISSING.length)(`the package (needs ${MISSING.join(", ") || "nothing more"})`, () => {
  it("has nothing that publint minds", () => {
    expect(run("publint", "--strict")).toMatchObject({ status: 0 });
  }, 60_000);

  it("has types that every way of resolving modules finds", () => {
    expect(run("attw", "--pack", ".", "--profile", "esm-only")).toMatchObject({ status: 0 });
  }, 120_000);

  it("depends on nothing, and has no side effects", () => {
    expect([manifest.dependencies, manifest.sideEffects]).toEqual([undefined, false]);
  });

  it("has types and a source map beside each module", () => {
    const beside = entries.flatMap((each) => [each.types, each.default, `${each.default}.map`]);

    expect(beside.filter((path) => !existsSync(HERE + path))).toEqual([]);
  });

  it("says any nowhere in its public types", () => {
    const declarations = new Set(entries.flatMap(({ types }) => [...reachable(HERE + types.slice(2))]));

    expect(declarations.size).toBeGreaterThan(15);
    expect([...declarations].flatMap(anys)).toEqual([]);
  });
});
