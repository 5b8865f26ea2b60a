/**
 * Optimistic updates: layers over the server's results, dropped when they are confirmed.
 *
 * Spec: optimistic
 * Not here: when a mutation is done (see mutations), where the results come from (see transitions).
 */

import type { Outcome } from "./errors.js";
import { queryToken } from "./messages.js";
import { decode, share, type Args, type Json, type Value } from "./values.js";

/** What is visible of a query: a value or an error; undefined while it is loading. */
export type Visible = Outcome | undefined;

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

type Layer = { _update: OptimisticUpdate | undefined; readonly _args: Args };
type Results = Map<string, Visible>;

/** The server's results by token, and layers over them. */
// [transitions.keep-old-results] They outlive connections.
export function createLayers() {
  const results: Results = new Map();
  let overlay: Results = new Map();
  /** What was visible at the last publication of what may have changed since. */
  const touched: Results = new Map();
  const seen = (over: Results, token: string): Visible => (over.has(token) ? over : results).get(token);
  const visible = (token: string): Visible => seen(overlay, token);
  const touch = (token: string): unknown => touched.has(token) || touched.set(token, visible(token));

  /** The overlay once a layer has run over one. */
  const run = ({ _update: update, _args: args }: Layer, below: Results): Results => {
    const above = new Map(below);
    const read = (token: string): Value | undefined => {
      const result = seen(above, token);
      // [optimistic.loading] [optimistic.pure] Frozen, or the base were spoilt for every later run.
      return result && "value" in result ? freeze(result.value) : undefined;
    };
    const store: OptimisticStore = {
      getQuery: (path, queryArgs) => read(queryToken(path, queryArgs)),
      getAllQueries: (path) =>
        [...new Map([...results, ...above]).keys()]
          .filter((token) => token.startsWith(queryToken(path).slice(0, -2)))
          .map((token) => ({ args: decode(JSON.parse(token).args as Json) as Args, value: read(token) })),
      // [optimistic.unknown-query]
      setQuery(path, queryArgs, value) {
        const token = queryToken(path, queryArgs);
        above.set(token, share(visible(token), value === undefined ? value : { value }));
      },
    };
    update!(store, args);
    return above;
  };

  /** Replace the overlay in one step; the tokens whose visible result differs. */
  const adopt = (next: Results): string[] => {
    for (const token of [...overlay.keys(), ...next.keys()]) touch(token);
    // [optimistic.one-publication]
    overlay = next;
    const changed = [...touched.keys()].filter((token) => touched.get(token) !== visible(token));
    touched.clear();
    return changed;
  };

  return {
    _results: results,

    /** What a reader sees of a query. */
    _visible: visible,

    /** All that a reader sees. */
    _all: (): Results => new Map([...results, ...overlay]),

    /** Take a result of the server; it shows after the next replay. */
    _take(token: string, result: Visible): void {
      touch(token);
      results.set(token, share(results.get(token), result));
    },

    /** Lay an update over everything; what it changed. What it throws leaves no trace. */
    // [optimistic.first-run-raises]
    _add: (layer: Layer): string[] => adopt(run(layer, overlay)),

    /** Run the layers that are left over the results; what looks different now. */
    _replay(layers: Iterable<Layer>, report: (error: unknown) => void): string[] {
      let next: Results = new Map();
      // [optimistic.replay-order]
      for (const layer of layers) {
        try {
          if (layer._update) next = run(layer, next);
        } catch (error) {
          // [optimistic.replay-raises] The mutation was sent and will settle; only its layer goes.
          layer._update = undefined;
          report(error);
        }
      }
      return adopt(next);
    },
  };
}

function freeze<Tree>(value: Tree): Tree {
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freeze);
  return value;
}
