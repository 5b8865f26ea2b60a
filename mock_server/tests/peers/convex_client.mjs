// The official browser client in Node: subscribes, mutates, acts, and prints what it sees.
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { WebSocket } from "ws";

const client = new ConvexClient(process.argv[2], { webSocketConstructor: WebSocket, logger: false });
const key = process.argv[3];
const seen = [];
const done = new Promise((resolve) => {
  client.onUpdate(anyApi.fx.list, { key }, (ids) => {
    seen.push(ids);
    if (ids.length === 2) resolve();
  });
});
const first = await client.mutation(anyApi.fx.append, { key, id: "one" });
const second = await client.mutation(anyApi.fx.append, { key, id: "two" });
await done;
const echoed = await client.action(anyApi.fx.echoAction, { value: { n: 1.5, i: 7n } });
const failure = await client.mutation(anyApi.fx.fail, { message: "boom" }).catch((e) => e.message);
await client.close();
console.log(
  JSON.stringify({ seen, numbers: second - first, echoed: [echoed.n, String(echoed.i)], failure }),
);
