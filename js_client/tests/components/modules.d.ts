/** Components that the compilers of their frameworks read; see vitest.config.ts. */

declare module "*.solid.jsx" {
  import type { Component } from "solid-js";

  export const App: Component<{ client: unknown; steer(set: (channel: string) => void): void }>;
}

/** The part of Babel that the tests use; it brings no types of its own. */
declare module "@babel/core" {
  export function transformAsync(code: string, options: object): Promise<{ code: string | null; map: object | null } | null>;
}
