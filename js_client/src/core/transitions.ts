/**
 * Transitions: how results travel, one consistent snapshot after the other.
 *
 * Spec: transitions
 * Not here: which queries they belong to (see queries), what is laid over them (see optimistic).
 */

import { demand } from "./errors.js";
import { parse, type Chunk, type ServerMessage, type Transition, type Version } from "./messages.js";

export type VersionChain = ReturnType<typeof createVersionChain>;

/** The version chain of one connection, and the pieces of a large Transition on their way. */
export function createVersionChain() {
  // [transitions.start-at-zero]
  let held: Version = { querySet: 0, identity: 0, ts: 0n };
  let pieces: Chunk[] = [];
  return {
    /** Move on by one Transition; throws, and stays, if it does not fit. */
    step({ startVersion: { querySet, identity, ts }, endVersion }: Transition): void {
      // [transitions.continuity] We may have missed something or heard it twice; nobody can tell.
      const isNext = querySet === held.querySet && identity === held.identity && ts === held.ts;
      demand(isNext, "transitions.continuity", `${querySet}.${identity}.${ts}`);
      held = endVersion;
    },

    /** What a message says when it is whole; undefined for a piece that is not the last. */
    whole(message: ServerMessage | undefined): ServerMessage | undefined {
      if (message?.type !== "TransitionChunk") {
        // [transitions.chunk-lost] Inside a set only a Ping may come.
        demand(!pieces[0] || message?.type === "Ping", "transitions.chunk-lost", message?.type);
        return message;
      }
      const { partNumber, totalParts, transitionId } = message;
      const first = pieces[0] ?? message;
      // [transitions.chunk-set]
      const isOfSet = totalParts === first.totalParts && transitionId === first.transitionId;
      demand(isOfSet && partNumber < totalParts, "transitions.chunk-set", partNumber);
      // [transitions.chunk-order]
      demand(partNumber === pieces.length, "transitions.chunk-order", partNumber);
      if (pieces.push(message) < totalParts) return undefined;
      const transition = parse(pieces.map(({ chunk }) => chunk).join(""));
      pieces = [];
      // [transitions.chunk-identity]
      demand(transition?.type === "Transition", "transitions.chunk-identity", transition?.type);
      return transition;
    },
  };
}
