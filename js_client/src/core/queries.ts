/**
 * The query set: which queries we have asked the server to keep us told of.
 *
 * Spec: queries
 * Not here: the results (see transitions), the optimistic layers (see optimistic).
 */

import { queryToken, type Change, type ClientMessage, type Edit } from "./messages.js";
import type { Json } from "./values.js";

/** One query, for all of its subscribers. */
export type Query = {
  readonly _token: string;
  /** What puts it into the set, with its journal. */
  readonly _addition: Extract<Edit, { type: "Add" }>;
  readonly _watchers: Set<() => void>;
  /** Whether its answer is part of what the current opening waits for. */
  _isAwaited?: boolean;
};

export function createQuerySet() {
  const byToken = new Map<string, Query>();
  const byId = new Map<number, Query>();
  /** What the server has not been told yet. */
  let edits = new Map<number, Edit>();
  let nextId = 0;
  let version = 0;
  return {
    /** Note a watcher; the first one of a query puts it into the set, or none does, ahead of the first one. */
    _add(path: string, args: unknown, watcher?: () => void): Query {
      const token = queryToken(path, args);
      let query = byToken.get(token);
      // [queries.share]
      if (!query) {
        const canonical = JSON.parse(token) as { path: string; args: Json };
        // [queries.id-unique] [queries.journal-fresh] Also one that comes back starts anew.
        // [messages.args-array]
        const addition = { type: "Add", queryId: nextId++, udfPath: canonical.path, args: [canonical.args] } as const;
        query = { _token: token, _addition: addition, _watchers: new Set() };
        byToken.set(token, query);
        byId.set(addition.queryId, query);
        edits.set(addition.queryId, addition);
      }
      if (watcher) query._watchers.add(watcher);
      return query;
    },

    /** Forget a watcher; true if it was the last one of the query. */
    _remove({ _token: token, _addition: { queryId }, _watchers: watchers }: Query, watcher: () => void): boolean {
      if (!watchers.delete(watcher) || watchers.size) return false;
      byToken.delete(token);
      byId.delete(queryId);
      // [queries.net-edits] What came and went unsaid is never mentioned.
      if (!edits.delete(queryId)) edits.set(queryId, { type: "Remove", queryId });
      return true;
    },

    /** Who watches a query. */
    _watchers: (token: string): (() => void)[] => [...(byToken.get(token)?._watchers ?? [])],

    /** Note that the server has answered a query; undefined for one that nobody wants any more. */
    _answered(change: Change): Query | undefined {
      const query = byId.get(change.queryId);
      if (query) {
        query._isAwaited = false;
        // [queries.journal-echo] [messages.journal-opaque] From updates and failures alike, as it came.
        query._addition.journal = change.journal;
      }
      return query;
    },

    /** Whether every query of the opening has its answer. */
    _isAnswered: (): boolean => ![...byId.values()].some((query) => query._isAwaited),

    /** The message that brings the server up to date; in an opening it knows nothing. */
    _flush(isOpening: boolean): ClientMessage[] {
      if (isOpening) {
        // [connection.rebuild] Nothing that was prepared for an earlier connection is said again.
        version = 0;
        edits.clear();
        // [queries.ids-survive] In the order of the subscriptions, under the same numbers.
        for (const [id, query] of byId) {
          edits.set(id, query._addition);
          query._isAwaited = true;
        }
      }
      // [connection.opening-set] Then it is sent even when it is empty.
      if (!isOpening && !edits.size) return [];
      const modifications = [...edits.values()];
      edits.clear();
      // [queries.version-step]
      return [{ type: "ModifyQuerySet", baseVersion: version++, newVersion: version, modifications }];
    },
  };
}
