// Prints what the parser of AsyncAPI has to say of a document: a JSON list of its diagnostics.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [path] = process.argv.slice(2);
const diagnostics = await new Parser().validate(readFileSync(path, "utf8"), { source: path });
process.stdout.write(JSON.stringify(diagnostics));
