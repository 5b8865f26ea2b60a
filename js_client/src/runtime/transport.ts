/**
 * The transport: what the driver needs of a socket.
 *
 * Not here: a real socket (see websocket), the order of things (see driver).
 */

/** What a socket tells, until `close`. */
export type TransportEvents = {
  opened(): void;
  received(text: string): void;
  lost(code: number, reason: string): void;
};

/** One socket, which is opening from the start. */
export type Transport = {
  send(text: string): void;
  /** Resolves when the socket has gone. */
  close(): Promise<unknown>;
};

/** Makes a socket. */
export type Connect = (events: TransportEvents) => Transport;
