/** The official npm client: `ConvexClient` over the `ws` package. */
import { ConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { WebSocket } from "ws";

import { operationsOf, serve } from "./lines.mjs";

const OPTIONS = { webSocketConstructor: WebSocket, logger: false, unsavedChangesWarning: false };

async function connect(url) {
  const client = new ConvexClient(url, OPTIONS);
  return {
    subscribe: (path, args, changed) => client.onUpdate(makeFunctionReference(path), args, changed),
    mutate: (path, args) => client.mutation(makeFunctionReference(path), args),
    act: (path, args) => client.action(makeFunctionReference(path), args),
    mutateOptimistically: (path, args, queryPath, queryArgs, update) => {
      const query = makeFunctionReference(queryPath);
      const optimisticUpdate = (store) =>
        store.setQuery(query, queryArgs, update(store.getQuery(query, queryArgs)));
      return client.mutation(makeFunctionReference(path), args, { optimisticUpdate });
    },
    close: () => client.close(),
  };
}

await serve(operationsOf(connect, { hasOptimisticUpdates: true }));
