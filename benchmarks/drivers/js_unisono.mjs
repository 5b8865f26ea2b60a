/** Our JavaScript client over the `ws` package. */
import { Client } from "unisono";
import { WebSocket } from "ws";

import { operationsOf, serve } from "./lines.mjs";

async function connect(url) {
  const client = new Client(url, { WebSocket });
  return {
    subscribe: (path, args, changed) => client.subscribe(path, args, changed),
    mutate: (path, args) => client.mutation(path, args),
    act: (path, args) => client.action(path, args),
    mutateOptimistically: (path, args, queryPath, queryArgs, update) => {
      const optimistic = (store) =>
        store.setQuery(queryPath, queryArgs, update(store.getQuery(queryPath, queryArgs)));
      return client.mutation(path, args, { optimistic });
    },
    close: () => client.close(),
  };
}

await serve(operationsOf(connect, { hasOptimisticUpdates: true }));
