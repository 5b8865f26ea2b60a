/**
 * Optimistic updates: layers over the server's results, dropped when they are confirmed.
 *
 * Spec: optimistic
 * Not here: when a mutation is done (see mutations), where the results come from (see transitions).
 */

import { queryToken } from "./messages.js";
import { decode, share, type Args, type Json, type Value } from "./values.js";

/** What is visible of a query: a value or an error; undefined while it is loading. */
export type Visible = { readonly value: Value } | { readonly error: Error } | undefined;

/** What an update may do: read what is visible, and set what shall be. */
export type OptimisticStore = {
  /** The visible value; undefined when there is none or the query has failed. */
  getQuery(path: string, args?: Args): Value | undefined;
  /** Every visible query of a function. */
  getAllQueries(path: string): { args: Args; value: Value | undefined }[];
  /** Show this value; undefined shows the query as loading. */
  setQuery(path: string, args: Args, value: Value | undefined): void;
};

/** A pure function of the visible results; it runs again on every new snapshot. */
export type OptimisticUpdate<Arguments = Args> = (store: OptimisticStore, args: Arguments) => void;

type Layer = { readonly call: number; readonly update: OptimisticUpdate; readonly args: Args };
type Results = ReadonlyMap<string, Visible>;

export type Layers = ReturnType<typeof createLayers>;

/** Layers over the server's results, which are given by token and stay the caller's to change. */
export function createLayers(results: Results) {
  let layers: Layer[] = [];
  let overlay: Results = new Map();
  const seen = (over: Results, token: string): Visible => (over.has(token) ? over.get(token) : results.get(token));

  /** The overlay once a layer has run over one. */
  const run = ({ update, args }: Layer, below: Results): Results => {
    const above = new Map(below);
    const read = (token: string): Value | undefined => {
      const result = seen(above, token);
      // [optimistic.loading] [optimistic.pure] Frozen, or the base were spoilt for every later run.
      return result && "value" in result ? freeze(result.value) : undefined;
    };
    const store: OptimisticStore = {
      getQuery: (path, queryArgs) => read(queryToken(path, queryArgs)),
      getAllQueries: (path) =>
        [...new Set([...results.keys(), ...above.keys()])]
          .filter((token) => token.startsWith(queryToken(path).slice(0, -2)))
          .map((token) => ({ args: decode(JSON.parse(token).args as Json) as Args, value: read(token) })),
      // [optimistic.unknown-query]
      setQuery: (path, queryArgs, value) =>
        above.set(queryToken(path, queryArgs), share(seen(overlay, queryToken(path, queryArgs)), value === undefined ? value : { value })),
    };
    update(store, args);
    return above;
  };

  /** Replace the overlay in one step; the tokens whose visible result differs. */
  const adopt = (next: Results, changed: readonly string[]): readonly string[] => {
    const last = overlay;
    // [optimistic.one-publication]
    overlay = next;
    if (!last.size && !next.size) return changed;
    const isCovered = (token: string): boolean => last.has(token) || next.has(token);
    return [...new Set([...changed, ...last.keys(), ...next.keys()])].filter(
      (token) => !isCovered(token) || seen(last, token) !== seen(next, token),
    );
  };

  return {
    /** What a reader sees of a query. */
    visible: (token: string): Visible => seen(overlay, token),

    /** All that a reader sees. */
    all: (): Results => new Map([...results, ...overlay]),

    /** Lay an update over everything; what it changed. What it throws leaves no trace. */
    add(layer: Layer): readonly string[] {
      // [optimistic.first-run-raises]
      const next = run(layer, overlay);
      layers.push(layer);
      return adopt(next, []);
    },

    /** Run the layers of all calls but these; what looks different, beside what has changed below. */
    replay(
      isDone: (call: number) => boolean,
      changed: readonly string[],
      report: (error: unknown) => void,
    ): readonly string[] {
      let next: Results = new Map();
      // [optimistic.replay-order]
      layers = layers.filter((layer) => {
        try {
          return !isDone(layer.call) && (next = run(layer, next));
        } catch (error) {
          // [optimistic.replay-raises] The mutation was sent and will settle; only its layer goes.
          return report(error);
        }
      });
      return adopt(next, changed);
    },
  };
}

function freeze<Tree>(value: Tree): Tree {
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freeze);
  return value;
}
