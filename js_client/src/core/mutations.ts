/**
 * Mutations and actions: their numbers, their order, and when a call is done.
 *
 * Spec: mutations
 * Not here: what a call shows before it is done (see optimistic).
 */

import { UnisonoError, type Outcome } from "./errors.js";
import { canonicalPath, type ClientMessage, type Response } from "./messages.js";
import { encodeArgs, type Args } from "./values.js";

export type CallKind = "Mutation" | "Action";

/**
 * A call that is not done. What a connection that opens does with it:
 *
 *     not sent                                                      sent
 *     sent, no response; an action is lost by then                  sent again
 *     a mutation that was answered and not covered: it has a `ts`   sent again
 */
export type Call<Done, Update> = {
  readonly _message: Extract<ClientMessage, { type: CallKind }>;
  readonly _args: Args;
  /** Shows what the call will do; undefined once it has failed to. */
  _update: Update | undefined;
  /** For whoever waits, who is told the outcome with it. */
  readonly _done: Done;
  _isSent?: boolean;
  /** The outcome, and the Transition that it waits for, or 0. */
  _outcome?: Outcome;
  _ts?: bigint;
};

export function createCalls<Done, Update>() {
  type AnyCall = Call<Done, Update>;
  /** In the order of their numbers, which is the order in which they were made. */
  const pending = new Map<number, AnyCall>();
  let unsent: AnyCall[] = [];
  const inflight = { Mutation: 0, Action: 0 };
  let nextId = 0;
  /** Calls with a smaller number were pending when the connection opened. */
  let openedAt = 0;
  return {
    _pending: pending,

    /** How many calls of each kind are not settled. */
    _inflight: inflight,

    /** Check a call before anything is done about it. */
    _prepare(kind: CallKind, path: string, args: Args, done: Done, update?: Update): AnyCall {
      canonicalPath(path);
      // [mutations.request-id] One counter for both kinds.
      const message = { type: kind, requestId: nextId, udfPath: path, args: [encodeArgs(args)] } as const;
      return { _message: message, _args: args, _update: update, _done: done };
    },

    /** Make a call that was prepared. */
    _add(call: AnyCall): void {
      pending.set(nextId++, call);
      unsent.push(call);
      inflight[call._message.type]++;
    },

    /** What to send: all that was not sent; in an opening all. */
    _flush(isOpening: boolean): ClientMessage[] {
      // [mutations.order] [mutations.offline-queue]
      let calls = unsent;
      unsent = [];
      if (isOpening) {
        openedAt = nextId;
        // [mutations.replay] [mutations.replay-completed] [mutations.replay-order]
        calls = [...pending.values()];
      }
      return calls.map((call) => {
        call._isSent = true;
        return call._message;
      });
    },

    /** The call that a response belongs to; undefined for one that means nothing. */
    _find({ type, requestId }: Response): AnyCall | undefined {
      const call = pending.get(requestId);
      // [mutations.unknown-response] [mutations.duplicate-response]
      if (call?._isSent && type === `${call._message.type}Response` && !call._outcome) return call;
      return undefined;
    },

    /** Let the calls end that only the lost connection could have ended; or, with an error, all. */
    _fail(error?: UnisonoError): void {
      for (const call of pending.values()) {
        const { type, udfPath } = call._message;
        // [mutations.action-lost] Only the application can know whether a second run does harm.
        if (error || (type === "Action" && call._isSent)) {
          call._outcome = { error: error ?? new UnisonoError("lost", `${udfPath} may have run`) };
          call._ts = 0n;
        }
      }
    },

    /** Take the calls that are done, now that the results up to this timestamp are there. */
    _settled(upTo: bigint): AnyCall[] {
      const settled: AnyCall[] = [];
      for (const [id, call] of pending) {
        // [mutations.settle-at-transition] The answer does not say that we have seen the effects.
        // [mutations.settle-after-response] [mutations.failure-at-once] [mutations.action-at-once]
        if (call._ts! <= upTo && pending.delete(id)) {
          inflight[call._message.type]--;
          settled.push(call);
        }
      }
      return settled;
    },

    /** Whether every call that was pending when the connection opened has settled. */
    _isCaughtUp: (): boolean => !([...pending.keys()][0]! < openedAt),
  };
}
