// The official npm client in the chat: proof that the server speaks what it claims to speak.
import { ConvexClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import WebSocket from "ws";
import { asLines, fail, print, untilInputEnds } from "./say_and_print.mjs";

const [url] = process.argv.slice(2);
const list = makeFunctionReference("messages:list");
const send = makeFunctionReference("messages:send");

try {
  const client = new ConvexClient(url, { webSocketConstructor: WebSocket, skipConvexDeploymentUrlCheck: true });
  client.onUpdate(list, {}, (messages) => print(asLines(messages)), fail);
  await client.mutation(send, { author: "convex", body: "hello from the official client" });
  await untilInputEnds();
  await client.close();
} catch (error) {
  fail(error);
}
