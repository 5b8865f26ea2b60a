import { createSignal, ErrorBoundary, For, Show, Suspense } from "solid-js";

import {
  Authenticated,
  AuthLoading,
  createAuth,
  createConnectionState,
  createPaginatedQuery,
  createQuery,
  createSuspensePaginatedQuery,
  createSuspenseQuery,
  Unauthenticated,
  UnisonoProvider,
} from "../../src/solid.js";

function Messages(props) {
  const messages = createQuery("m:q", () => ({ channel: props.channel }));
  return (
    <Show when={messages()} fallback="loading">
      <ul><For each={messages()}>{(message) => <li>{message}</li>}</For></ul>
    </Show>
  );
}

function Late(props) {
  const late = createSuspenseQuery("m:late", () => ({ channel: props.channel }));
  return <em>{late()}</em>;
}

function Pages() {
  const { view, loadMore } = createSuspensePaginatedQuery("m:pages", () => ({}), { initialItems: 2 });
  return <button onClick={() => loadMore(2)}>{view().items.join()} {view().status}</button>;
}

function Skipped() {
  const { view, loadMore } = createPaginatedQuery("m:skipped", () => "skip", { initialItems: 2 });
  return <u>{view().status} {String(loadMore(1))}</u>;
}

function State() {
  const state = createConnectionState();
  const auth = createAuth();
  return (
    <i>
      {state().connection} {String(auth.isLoading())} {String(auth.isAuthenticated())}{" "}
      <AuthLoading>?</AuthLoading><Authenticated>in</Authenticated><Unauthenticated>out</Unauthenticated>
    </i>
  );
}

export function App(props) {
  const [channel, setChannel] = createSignal("a");
  props.steer(setChannel);
  return (
    <UnisonoProvider value={props.client}>
      <ErrorBoundary fallback={(error) => <b>{error.message}</b>}>
        <div><Messages channel={channel()} /></div>
        <p><Suspense fallback="waiting"><Late channel={channel()} /></Suspense></p>
        <Suspense fallback={<button>waiting</button>}><Pages /></Suspense>
        <Skipped />
        <State />
      </ErrorBoundary>
    </UnisonoProvider>
  );
}
