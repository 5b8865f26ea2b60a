// An adapter to begin with: it speaks the lines, and can nothing yet.
//
//   unisono-conformance doctor -- node adapter.mjs
//
// says what to write next. Copy this file, put your client where `Subject` is, and fill in one
// operation after another. ADAPTER.md of the suite says what each one means.
// In TypeScript nothing changes but the types.
import { createInterface } from "node:readline";

// Add a word when you have built it: mutations, actions, auth, optimistic, snapshot, state, ...
const FEATURES = [];

/** An operation that is not built yet; saying so is no failure. */
class Unsupported extends Error {}

/** One client under test. */
class Subject {
  constructor(name, url) {
    this.name = name;
    throw new Unsupported(`make a client for ${url} here, and let it connect`);
  }

  /**
   * Follow a query. Whenever your client tells of new results, all of one callback at once:
   * emit("update", this.name, { changes: [{ sub, value }] })
   */
  subscribe({ sub, path, args }) {
    throw new Unsupported("subscribe is not built");
  }

  /** Leave a query; no `update` names it afterwards. */
  unsubscribe({ sub }) {
    throw new Unsupported("unsubscribe is not built");
  }

  /** Close the client, for good. */
  close() {
    throw new Unsupported("close is not built");
  }
}

const clients = new Map();

/** Write one line. Nothing else may come out of standard output; log to standard error. */
const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Report something that the application would see. */
export const emit = (ev, client, fields) => write({ ev, client, ...fields });

const OPERATIONS = {
  hello: () => ({ name: "my client", version: "0", language: "JavaScript", levels: "L0", features: FEATURES }),
  bye: () => ({}),
  open: ({ client, url }) => void clients.set(client, new Subject(client, url)),
  // Closing twice is no error.
  close: ({ client }) => {
    const subject = clients.get(client);
    clients.delete(client);
    return subject?.close();
  },
  subscribe: (op) => clients.get(op.client).subscribe(op),
  unsubscribe: (op) => clients.get(op.client).unsubscribe(op),
};

/** Carry out one operation; what it gives goes into its answer. */
async function handle(op) {
  if (!Object.hasOwn(OPERATIONS, op.op)) throw new Unsupported(`${op.op} is not built`);
  return OPERATIONS[op.op](op);
}

// Every operation is answered once, also an unknown one.
for await (const line of createInterface({ input: process.stdin })) {
  const op = JSON.parse(line);
  try {
    write({ re: op.seq, ok: true, ...(await handle(op)) });
  } catch (error) {
    if (error instanceof Unsupported) write({ re: op.seq, ok: false, unsupported: true, reason: error.message });
    else write({ re: op.seq, ok: false, error: String(error) });
  }
  if (op.op === "bye") process.exit(0);
}
