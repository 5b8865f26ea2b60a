/**
 * WebSockets of browsers, Node, Deno, Bun and workers, or of a package such as `ws`.
 *
 * Spec: connection
 * Not here: when to open one (see core/connection).
 */

import { deploymentAddress } from "./address.js";

/** The part of the browsers' WebSocket that is used. */
export type WebSocketLike = {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  send(text: string): void;
  close(): void;
};

export type WebSocketConstructor = new (url: string) => WebSocketLike;

/**
 * The address of the socket of a deployment. The version stands for what we understand: it puts us
 * into the npm family at a version that is sent large Transitions in chunks. Browsers cannot say
 * who they are in a header.
 */
export const syncUrl = (deploymentUrl: string): string =>
  deploymentAddress(deploymentUrl).replace("http", "ws") + "/api/1.45.0/sync";
