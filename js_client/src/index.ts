/** The client, its types and its errors. */

export { Client } from "./client.js";
export type { ClientOptions, Snapshot, Subscription, TokenFetcher } from "./client.js";
export { UnisonoError } from "./core/errors.js";
export type { ErrorKind } from "./core/errors.js";
export type { OptimisticStore, OptimisticUpdate, Visible } from "./core/optimistic.js";
export type { ClientState } from "./core/session.js";
export type { Args, Value } from "./core/values.js";
export type { WebSocketConstructor } from "./runtime/websocket.js";
