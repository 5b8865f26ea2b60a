/**
 * The address of a deployment, which all others are made from.
 *
 * Spec: connection
 */

import { refuse } from "../core/errors.js";

/** The address that paths are appended to; throws for what cannot be one. */
export function deploymentAddress(url: string): string {
  // [connection.url]
  const [, address] = /^(https?:\/\/[^/?#\s][^?#\s]*?)\/*$/.exec(url) ?? refuse("connection.url", "URL", url);
  // [connection.url-slash]
  return address!;
}
