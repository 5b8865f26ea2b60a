// The JavaScript client in any engine: subscribes, mutates, acts, fails, and prints what it sees.
import { Client } from "../../../js_client/dist/index.js";

const [url, key] = process.argv.slice(2);
const client = new Client(url);
const seen = [];
const done = new Promise((resolve) => {
  client.subscribe("fx:list", { key }, (ids) => {
    seen.push(ids);
    if (ids.length === 2) resolve();
  });
});
await client.mutation("fx:append", { key, id: "one" });
await client.mutation("fx:append", { key, id: "two" });
await done;
const echoed = await client.action("fx:echoAction", { value: { n: 1.5, i: 7n } });
const failure = await client.mutation("fx:fail", { message: "boom" }).catch((error) => error.message);
await client.close();
console.log(JSON.stringify({ seen, echoed: [echoed.n, String(echoed.i)], failure }));
