// The official browser client, without a framework.
import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";
import { api, play, wake } from "./story.mjs";

const client = new ConvexClient(process.argv[2], { webSocketConstructor: WebSocket, logger: false });
const shown = {};
const show = (name) => (value) => {
  shown[name] = value;
  wake();
};
client.onUpdate(api.list, {}, show("list"));
client.onUpdate(api.whoami, {}, show("user"));
client.onPaginatedUpdate_experimental(api.page, {}, { initialNumItems: 1 }, show("pages"));

await play({
  list: () => shown.list,
  user: () => shown.user,
  pages: () => shown.pages,
  append: (args, optimisticUpdate) => client.mutation(api.append, args, { optimisticUpdate }),
  echo: (args) => client.action(api.echo, args),
  fail: (args) => client.mutation(api.fail, args),
  login: (fetchToken) => client.setAuth(fetchToken),
});
