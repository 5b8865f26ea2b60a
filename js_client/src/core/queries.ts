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
  readonly id: number;
  readonly token: string;
  readonly path: string;
  readonly args: Json;
  subscribers: number;
  journal?: string | null;
};

export type QuerySet = ReturnType<typeof createQuerySet>;

export function createQuerySet() {
  const byToken = new Map<string, Query>();
  const byId = new Map<number, Query>();
  /** What the server has not been told yet: a query to add, or undefined for one to remove. */
  let edits = new Map<number, Query | undefined>();
  let unanswered = new Set<number>();
  let nextId = 0;
  let version = 0;
  return {
    /** Count a subscriber; the first one of a query puts it into the set. */
    add(path: string, args: unknown): string {
      const token = queryToken(path, args);
      let query = byToken.get(token);
      // [queries.share]
      if (!query) {
        // [queries.id-unique] [queries.journal-fresh] Also one that comes back starts anew.
        query = { id: nextId++, token, ...(JSON.parse(token) as { path: string; args: Json }), subscribers: 0 };
        byToken.set(token, query);
        byId.set(query.id, query);
        edits.set(query.id, query);
      }
      query.subscribers++;
      return token;
    },

    /** Count a subscriber less; true if that was the last one of the query. */
    remove(token: string): boolean {
      const query = byToken.get(token);
      if (!query || --query.subscribers) return false;
      byToken.delete(token);
      byId.delete(query.id);
      unanswered.delete(query.id);
      // [queries.net-edits] What came and went unsaid is never mentioned.
      if (!edits.delete(query.id)) edits.set(query.id, undefined);
      return true;
    },

    /** Note that the server has answered a query; undefined for one that nobody wants any more. */
    answered(change: Change): Query | undefined {
      unanswered.delete(change.queryId);
      const query = byId.get(change.queryId);
      // [queries.journal-echo] [messages.journal-opaque] From updates and failures alike, as it came.
      if (query && change.type !== "QueryRemoved") query.journal = change.journal;
      return query;
    },

    /** Whether every query of the opening has its answer. */
    isAnswered: (): boolean => !unanswered.size,

    /** The message that brings the server up to date; in an opening it knows nothing. */
    flush(isOpening: boolean): ClientMessage[] {
      if (isOpening) {
        // [connection.rebuild] Nothing that was prepared for an earlier connection is said again.
        version = 0;
        // [queries.ids-survive] In the order of the subscriptions, under the same numbers.
        edits = new Map(byId);
        unanswered = new Set(byId.keys());
      }
      // [connection.opening-set] Then it is sent even when it is empty.
      if (!isOpening && !edits.size) return [];
      const modifications = Array.from(edits, ([queryId, query]): Edit =>
        query
          ? // [messages.args-array]
            { type: "Add", queryId, udfPath: query.path, args: [query.args], journal: query.journal }
          : { type: "Remove", queryId },
      );
      edits.clear();
      // [queries.version-step]
      return [{ type: "ModifyQuerySet", baseVersion: version++, newVersion: version, modifications }];
    },
  };
}
