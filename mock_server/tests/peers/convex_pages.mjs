// The paginated query of the official browser client: load pages, watch them change.
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { WebSocket } from "ws";

const client = new ConvexClient(process.argv[2], { webSocketConstructor: WebSocket, logger: false });
const key = process.argv[3];
for (let id = 0; id < 5; id++) await client.mutation(anyApi.fx.append, { key, id });

let latest;
let check = () => {};
const until = (holds) =>
  new Promise((resolve) => {
    check = () => latest && holds(latest) && resolve();
    check();
  });
client.onPaginatedUpdate_experimental(
  anyApi.fx.page,
  { key },
  { initialNumItems: 2 },
  (result) => {
    latest = result;
    check();
  },
);
const seen = [];
const note = () => seen.push([latest.results, latest.status]);
await until((now) => now.results.length === 2);
note();
latest.loadMore(2);
await until((now) => now.results.length === 4);
note();
latest.loadMore(5);
await until((now) => now.status === "Exhausted");
note();
await client.mutation(anyApi.fx.append, { key, id: 5 });
await until((now) => now.results.length === 6);
note();
await client.close();
console.log(JSON.stringify({ seen }));
