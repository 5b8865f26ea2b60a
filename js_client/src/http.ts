/** One-shot calls over HTTP. */

export { UnisonoError } from "./core/errors.js";
export type { Identity } from "./core/http.js";
export { HttpClient, type HttpClientOptions } from "./runtime/http.js";
