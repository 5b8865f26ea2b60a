/** What is rendered, on the server and in the page alike. */

import { useConnectionState, useMutation, useQuery } from "unisono/react";
import { createElement as h } from "react";

export const LIST = "messages:list";

export function App() {
  const messages = useQuery(LIST);
  const { connection } = useConnectionState();
  const send = useMutation("messages:send", {
    optimistic: (store, message) => {
      const shown = store.getQuery(LIST);
      if (shown) store.setQuery(LIST, {}, [...shown, message]);
    },
  });
  const submit = (form) => send({ author: "page", body: form.get("body") });
  return h(
    "main",
    null,
    h("h1", null, "Chat"),
    h("ul", { id: "messages" }, messages?.map(({ author, body }, index) => h("li", { key: index }, `${author}: ${body}`)) ?? "loading"),
    h("form", { action: submit }, h("input", { name: "body", placeholder: "Say something" }), h("button", null, "Send")),
    h("small", { id: "connection" }, connection),
  );
}
