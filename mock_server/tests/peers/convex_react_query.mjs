// TanStack Query over the official React client.
import { root } from "./dom.mjs";
import { api, play, wake } from "./story.mjs";
const { ConvexQueryClient, convexAction, convexQuery, useConvexPaginatedQuery } = await import(
  "@convex-dev/react-query"
);
const { ConvexProvider, ConvexReactClient, useMutation } = await import("convex/react");
const { QueryClient, QueryClientProvider, useQuery } = await import("@tanstack/react-query");
const { createElement: h, useEffect } = await import("react");
const { createRoot } = await import("react-dom/client");

const convex = new ConvexReactClient(process.argv[2], { logger: false });
const bridge = new ConvexQueryClient(convex);
const queries = new QueryClient({
  defaultOptions: { queries: { queryKeyHashFn: bridge.hashFn(), queryFn: bridge.queryFn() } },
});
bridge.connect(queries);

const shown = {};
function Page() {
  shown.list = useQuery(convexQuery(api.list, {})).data;
  shown.user = useQuery(convexQuery(api.whoami, {})).data;
  shown.pages = useConvexPaginatedQuery(api.page, {}, { initialNumItems: 1 });
  shown.append = useMutation(api.append);
  useEffect(() => wake());
  return null;
}
const page = h(QueryClientProvider, { client: queries }, h(Page));
createRoot(root).render(h(ConvexProvider, { client: convex }, page));

await play({
  list: () => shown.list,
  user: () => shown.user,
  pages: () => shown.pages,
  append: (args, optimistic) =>
    (optimistic ? shown.append.withOptimisticUpdate(optimistic) : shown.append)(args),
  echo: (args) => queries.fetchQuery(convexAction(api.echo, args)),
  fail: (args) => convex.mutation(api.fail, args),
  login: (fetchToken) => convex.setAuth(fetchToken),
});
