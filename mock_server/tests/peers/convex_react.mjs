// The official React client: a watched query with an optimistic update, and its hooks on a page.
import { Window } from "happy-dom";
import { WebSocket } from "ws";

const window = new Window({ url: "http://page.test" });
const { document, navigator } = window;
Object.assign(globalThis, { window, document, navigator });
const { ConvexProvider, ConvexReactClient, useMutation, usePaginatedQuery, useQuery } =
  await import("convex/react");
const { anyApi } = await import("convex/server");
const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");

const [url, key] = process.argv.slice(2);
const client = new ConvexReactClient(url, { webSocketConstructor: WebSocket, logger: false });

let wake = () => {};
const until = (holds) =>
  new Promise((resolve) => {
    wake = () => holds() && resolve();
    wake();
  });

const watch = client.watchQuery(anyApi.fx.list, { key });
const seen = [];
watch.onUpdate(() => {
  seen.push(watch.localQueryResult());
  wake();
});
await until(() => seen.length > 0);
const sent = client.mutation(
  anyApi.fx.append,
  { key, id: "real" },
  {
    optimisticUpdate: (store) => {
      const before = store.getQuery(anyApi.fx.list, { key });
      store.setQuery(anyApi.fx.list, { key }, [...before, "optimistic"]);
    },
  },
);
const optimistic = watch.localQueryResult();
await sent;
const settled = watch.localQueryResult();

const shown = {};
function Page() {
  shown.list = useQuery(anyApi.fx.list, { key });
  shown.pages = usePaginatedQuery(anyApi.fx.page, { key }, { initialNumItems: 2 });
  shown.append = useMutation(anyApi.fx.append);
  queueMicrotask(() => wake());
  return createElement("p", null, JSON.stringify(shown.list ?? null));
}
const root = createRoot(document.body.appendChild(document.createElement("div")));
root.render(createElement(ConvexProvider, { client }, createElement(Page)));
await until(() => shown.list?.length === 1 && shown.pages.status === "Exhausted");
for (const id of ["two", "three"]) await shown.append({ key, id });
await until(() => shown.pages.results.length === 3 && shown.list.length === 3);
const page = { text: document.body.textContent, pages: shown.pages.results };
root.unmount();
await client.close();
console.log(JSON.stringify({ seen: seen.slice(0, 3), optimistic, settled, page }));
process.exit(0);
