/**
 * Transitions: how results travel, one consistent snapshot after the other.
 *
 * Spec: transitions
 * Not here: which queries they belong to (see queries), what is laid over them (see optimistic).
 */

import { demand } from "./errors.js";
import { parse, type Chunk, type ServerMessage, type Transition, type Version } from "./messages.js";

/** The version chain of one connection, and the pieces of a large Transition on their way. */
export function createVersionChain() {
  // [transitions.start-at-zero]
  let pieces: Chunk[] = [];
  const chain = {
    _held: { querySet: 0, identity: 0, ts: 0n } as Version,

    /** Move on by one Transition; throws, and stays, if it does not fit. */
    _step({ startVersion: { querySet, identity, ts }, endVersion }: Transition): void {
      const held = chain._held;
      // [transitions.continuity] We may have missed something or heard it twice; nobody can tell.
      const isNext = querySet === held.querySet && identity === held.identity && ts === held.ts;
      demand(isNext, "transitions.continuity", ts);
      chain._held = endVersion;
    },

    /** What a message says when it is whole; undefined for a piece that is not the last. */
    _whole(message: ServerMessage | undefined): ServerMessage | undefined {
      if (message?.type !== "TransitionChunk") {
        // [transitions.chunk-lost] Inside a set only a Ping may come.
        demand(!pieces[0] || message?.type === "Ping", "transitions.chunk-lost", message?.type);
        return message;
      }
      const { partNumber, totalParts, transitionId } = message;
      const first = pieces[0] ?? message;
      // [transitions.chunk-set]
      const isOfSet = totalParts === first.totalParts && transitionId === first.transitionId;
      // [transitions.chunk-order]
      demand(isOfSet && partNumber < totalParts && partNumber === pieces.length, "transitions.chunk-set", partNumber);
      if (pieces.push(message) < totalParts) return undefined;
      const transition = parse(pieces.map(({ chunk }) => chunk).join(""));
      pieces = [];
      // [transitions.chunk-identity]
      demand(transition?.type === "Transition", "transitions.chunk-identity", transition?.type);
      return transition;
    },
  };
  return chain;
}
