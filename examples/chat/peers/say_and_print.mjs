// What every peer of the demo does with its client: print each snapshot as one JSON line, say one thing, end with the input.

export const asLines = (messages) => messages.map(({ author, body }) => `${author}: ${body}`);

export const print = (lines) => process.stdout.write(`${JSON.stringify(lines)}\n`);

export async function untilInputEnds() {
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve).once("close", resolve));
}

export function fail(error) {
  process.stderr.write(`${error?.message ?? error}\n`);
  process.exit(1);
}
