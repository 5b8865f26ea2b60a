// The official HTTP client in Node.
import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";

const client = new ConvexHttpClient(process.argv[2]);
const key = process.argv[3];
await Promise.all(["a", "b", "c"].map((id) => client.mutation(anyApi.fx.append, { key, id })));
const list = await client.query(anyApi.fx.list, { key });
const consistent = await client.consistentQuery(anyApi.fx.list, { key });
const value = { i: 7n, f: 1.5, b: new Uint8Array([1, 2]).buffer, n: null };
const echoed = await client.action(anyApi.fx.echoAction, { value });
const failure = await client.mutation(anyApi.fx.fail, { message: "boom" }).catch((e) => e.message);
await client.mutation(anyApi.fx.set, { key, value: true });
const data = await client.query(anyApi.fx.throwsIf, { key }).catch((e) => e.data);
console.log(
  JSON.stringify({
    list,
    consistent,
    echoed: [String(echoed.i), echoed.f, [...new Uint8Array(echoed.b)], echoed.n],
    failure,
    data,
  }),
);
