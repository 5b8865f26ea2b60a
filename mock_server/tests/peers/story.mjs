// What every framework's package is asked to do against the server, and how it is told.
// A face shows what its framework shows: list(), user(), pages(), and calls wake() when it changes.
import { createInterface } from "node:readline";
import { anyApi } from "convex/server";

export const api = anyApi.peer;
let check = () => {};
export const wake = () => {
  check();
};

const until = (holds) =>
  new Promise((resolve) => {
    check = () => holds() && resolve();
    check();
  });
const shows = (face, ...ids) =>
  until(() => JSON.stringify(face.list()) === JSON.stringify(ids)).then(() => face.list());

// The server is told to cut the connection when it reads this line, and answers with one of its own.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const ask = async (what) => {
  console.log(what);
  return (await lines.next()).value;
};

export async function play(face) {
  const report = { seen: [await shows(face)] };
  await face.append({ id: "one" });
  report.seen.push(await shows(face, "one"));

  const sent = face.append({ id: "two" }, (store) => {
    const before = store.getQuery(api.list, {});
    store.setQuery(api.list, {}, [...before, "optimistic"]);
  });
  report.seen.push(await shows(face, "one", "optimistic"));
  await sent;
  report.seen.push(await shows(face, "one", "two"));

  report.echoed = await face.echo({ value: { n: 1.5, list: [true, null] } });
  report.failure = await face.fail({}).catch((error) => error.message);

  if (face.pages) {
    report.pages = [];
    for (const status of ["CanLoadMore", "CanLoadMore", "Exhausted"]) {
      const count = report.pages.length + 1;
      await until(() => face.pages()?.results.length === count && face.pages().status === status);
      report.pages.push([face.pages().results, status]);
      if (status === "CanLoadMore") face.pages().loadMore(count === 2 ? 5 : 1);
    }
  }

  report.fetched = [];
  const tokens = JSON.parse(process.argv[3]);
  await face.login(async ({ forceRefreshToken }) => {
    report.fetched.push(forceRefreshToken);
    return tokens[forceRefreshToken ? 1 : 0];
  });
  await until(() => face.user() !== null && face.user() !== undefined);
  report.user = face.user();
  await until(() => report.fetched.includes(true));

  await ask("cut");
  await face.append({ id: "three" });
  report.seen.push(await shows(face, "one", "two", "three"));
  await ask(JSON.stringify(report));
  process.exit(0);
}
