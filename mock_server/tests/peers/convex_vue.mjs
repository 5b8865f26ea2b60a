// The composables of convex-vue in an app without a page.
import { root } from "./dom.mjs";
import { api, play, wake } from "./story.mjs";
const { convexVue, useConvexClient, useConvexMutation, useConvexQuery } = await import("convex-vue");
const { createApp, h, watchEffect } = await import("vue");

const shown = {};
const Page = {
  setup() {
    const list = useConvexQuery(api.list, {});
    const user = useConvexQuery(api.whoami, {});
    const client = useConvexClient();
    watchEffect(() => {
      Object.assign(shown, { list: list.data.value, user: user.data.value });
      queueMicrotask(wake);
    });
    shown.client = client;
    shown.append = (args, optimisticUpdate) =>
      useConvexMutation(api.append, { optimisticUpdate }).mutate(args);
    return () => h("p");
  },
};
const app = createApp(Page);
app.use(convexVue, { url: process.argv[2], clientOptions: { logger: false } });
app.mount(root);

await play({
  list: () => shown.list,
  user: () => shown.user,
  append: (args, optimistic) => app.runWithContext(() => shown.append(args, optimistic)),
  echo: (args) => shown.client.action(api.echo, args),
  fail: (args) => shown.client.mutation(api.fail, args),
  login: (fetchToken) => shown.client.setAuth(fetchToken),
});
