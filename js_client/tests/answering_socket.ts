/** A socket with a server behind it that answers every query, and remembers nothing else. */

import { transition, updated } from "./harness.js";

type Handler = ((event: never) => unknown) | null;
type Edit = { readonly type: "Add" | "Remove"; readonly queryId: number; readonly udfPath: string };

/** What a query returns: as a page, if it is a list's. */
export const payload = (round: number): object[] =>
  Array.from({ length: 50 }, (_, index) => ({ round, index, text: "x".repeat(20) }));

export class AnsweringSocket {
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  #ts = 0;

  constructor() {
    setImmediate(() => this.onopen?.({} as never));
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { type: string; baseVersion: number; newVersion: number; modifications: Edit[] };
    if (frame.type !== "ModifyQuerySet") return;
    const changes = frame.modifications.map(({ type, queryId, udfPath }) => {
      if (type === "Remove") return { type: "QueryRemoved", queryId };
      const items = payload(queryId);
      return updated(queryId, udfPath === "m:list" ? { page: items, isDone: true, continueCursor: "c" } : items);
    });
    const start = [frame.baseVersion, 0, this.#ts] as const;
    const answer = transition(start, [frame.newVersion, 0, ++this.#ts], ...changes);
    setImmediate(() => this.onmessage?.({ data: JSON.stringify(answer) } as never));
  }

  close(): void {
    this.onclose?.({ code: 1000, reason: "" } as never);
  }
}
