#!/usr/bin/env node
/** `unisono-api [spec.json] [-o api.ts]`: the types of a backend from its function spec, which may come from a pipe. */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { apiModule } from "../dist/typegen.js";

const { values, positionals } = parseArgs({ options: { out: { type: "string", short: "o" } }, allowPositionals: true });
const source = positionals[0];
try {
  const spec = JSON.parse(readFileSync(source ?? 0, "utf8"));
  if (!Array.isArray(spec.functions)) throw new Error('there is no list "functions" in it');
  const text = apiModule(spec);
  if (values.out) writeFileSync(values.out, text);
  else process.stdout.write(text);
} catch (error) {
  console.error(`unisono-api: ${source ?? "standard input"} is no function spec: ${error.message}`);
  process.exitCode = 1;
}
