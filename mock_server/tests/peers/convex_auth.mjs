// The official browser client in Node with setAuth. Tells line by line what happens, and is told
// line by line what to do. argv: the URL, the tokens of the cache and the fresh ones, as JSON.
import { createInterface } from "node:readline";
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { WebSocket } from "ws";

const [url, cached, fresh] = [process.argv[2], ...process.argv.slice(3).map((t) => JSON.parse(t))];
const client = new ConvexClient(url, { webSocketConstructor: WebSocket, logger: false });
const next = (tokens) => (tokens.length > 1 ? tokens.shift() : tokens[0]);
const commands = {
  login: () =>
    client.setAuth(
      async ({ forceRefreshToken }) => {
        console.log(forceRefreshToken ? "fetch fresh" : "fetch cached");
        return next(forceRefreshToken ? fresh : cached);
      },
      (isAuthenticated) => console.log(`authenticated ${isAuthenticated}`),
    ),
  sign: async () => console.log(`signed ${typeof (await client.mutation(anyApi.users.sign, {}))}`),
  close: async () => {
    await client.close();
    process.exit(0);
  },
};

client.onUpdate(anyApi.users.whoami, {}, (user) => console.log(`user ${user?.subject ?? "nobody"}`));
for await (const line of createInterface({ input: process.stdin })) commands[line]();
