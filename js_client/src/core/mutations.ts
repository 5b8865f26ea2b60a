/**
 * Mutations and actions: their numbers, their order, and when a call is done.
 *
 * Spec: mutations
 * Not here: what a call shows before it is done (see optimistic).
 */

import { functionError, type UnisonoError } from "./errors.js";
import { canonicalPath, type ClientMessage, type Response } from "./messages.js";
import { encodeArgs, type Json, type Value } from "./values.js";

export type CallKind = "Mutation" | "Action";

/** How a call ended. */
export type Settlement = { readonly value: Value } | { readonly error: UnisonoError };

/** A call that is done, by its number. */
export type Settled = { readonly call: number; readonly settlement: Settlement };

/**
 * A call that is not done. What a connection that opens does with it:
 *
 *     not sent                                                      sent
 *     sent, no response; an action is lost by then                  sent again
 *     a mutation that was answered and not covered: it has a `ts`   sent again
 */
export type Call = {
  readonly id: number;
  readonly kind: CallKind;
  readonly path: string;
  readonly args: Json;
  isSent?: boolean;
  ts?: bigint;
  value?: Value;
};

export type Calls = ReturnType<typeof createCalls>;

export function createCalls() {
  /** In the order of their numbers, which is the order in which they were made. */
  const pending = new Map<number, Call>();
  let nextId = 0;
  /** Calls with a smaller number were pending when the connection opened. */
  let openedAt = 0;
  const settle = ({ id: call }: Call, settlement: Settlement): Settled => {
    pending.delete(call);
    return { call, settlement };
  };
  return {
    /** Check a call before anything is done about it. */
    prepare(kind: CallKind, path: string, args: unknown): Call {
      canonicalPath(path);
      // [mutations.request-id] One counter for both kinds.
      return { id: nextId, kind, path, args: encodeArgs(args) };
    },

    /** Make a call that was prepared. */
    add(call: Call): number {
      pending.set(call.id, call);
      return nextId++;
    },

    /** What to send: all that was not sent; in an opening all. */
    flush(isOpening: boolean): ClientMessage[] {
      if (isOpening) openedAt = nextId;
      const messages: ClientMessage[] = [];
      // [mutations.order] [mutations.offline-queue]
      for (const call of pending.values()) {
        // [mutations.replay] [mutations.replay-completed] [mutations.replay-order]
        if (isOpening || !call.isSent) {
          messages.push({ type: call.kind, requestId: call.id, udfPath: call.path, args: [call.args] });
        }
        call.isSent = true;
      }
      return messages;
    },

    /** The call that a response belongs to; undefined for one that means nothing. */
    find({ type, requestId }: Response): Call | undefined {
      const call = pending.get(requestId);
      // [mutations.unknown-response] [mutations.duplicate-response]
      return call?.isSent && type === `${call.kind}Response` && call.ts === undefined ? call : undefined;
    },

    /** Take the response to a call; what it settles. */
    respond(call: Call, { success, result, errorData, ts }: Response): Settled[] {
      // [mutations.failure-at-once]
      if (!success) return [settle(call, { error: functionError(call.path, result as string, errorData) })];
      // [mutations.action-at-once]
      if (ts === undefined) return [settle(call, { value: result })];
      // [mutations.settle-at-transition] The answer does not say that we have seen the effects.
      Object.assign(call, { ts, value: result });
      return [];
    },

    /** The mutations whose effects are part of a Transition up to this timestamp. */
    cover(upTo: bigint): Settled[] {
      const covered: Settled[] = [];
      for (const call of pending.values()) {
        // [mutations.settle-after-response]
        if (call.ts! <= upTo) covered.push(settle(call, { value: call.value! }));
      }
      return covered;
    },

    /** Settle the calls for which there is an error. */
    end(errorOf: (call: Call) => UnisonoError | false | undefined): Settled[] {
      return [...pending.values()].flatMap((call) => {
        const error = errorOf(call);
        return error ? settle(call, { error }) : [];
      });
    },

    /** Whether every call that was pending when the connection opened has settled. */
    isCaughtUp: (): boolean => !([...pending.keys()][0]! < openedAt),

    /** How many calls of a kind are not settled. */
    count: (kind: CallKind): number => [...pending.values()].filter((call) => call.kind === kind).length,
  };
}
