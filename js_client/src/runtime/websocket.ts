/**
 * WebSockets of browsers, Node, Deno, Bun and workers, or of a package such as `ws`.
 *
 * Spec: connection
 * Not here: when to open one (see core/connection).
 */

import { deploymentAddress } from "./address.js";
import type { Connect } from "./transport.js";

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
 * The version stands for what we understand: it puts us into the npm family at a version that is
 * sent large Transitions in chunks. Browsers cannot say who they are in a header.
 */
const SYNC_PATH = "/api/1.45.0/sync";

/** The address of the socket of a deployment. */
export function syncUrl(deploymentUrl: string): string {
  return deploymentAddress(deploymentUrl).replace("http", "ws") + SYNC_PATH;
}

/** How to open sockets to this address. */
export const webSockets =
  (url: string, Socket: WebSocketConstructor): Connect =>
  ({ opened, received, lost }) => {
    const socket = new Socket(url);
    socket.onopen = opened;
    socket.onmessage = ({ data }: { data: unknown }) => received(String(data));
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => lost(code, reason);
    // The close event that follows tells all there is to tell.
    socket.onerror = () => undefined;
    return {
      send: (text) => socket.send(text),
      close: () =>
        new Promise((resolve) => {
          socket.onopen = socket.onmessage = null;
          socket.onclose = resolve;
          socket.close();
        }),
    };
  };
