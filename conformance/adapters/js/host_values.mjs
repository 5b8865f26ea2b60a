// Values of the host that have no encoded form: `{"$host": {"int64": "9223372036854775808"}}` and
// `{"$host": {"undefined": true}}` inside arguments.

const isMarked = (json) => typeof json === "object" && json !== null && "$host" in json;

/** What an operation gives as arguments, with `decode` for all that has an encoded form. */
export function given(json, decode) {
  if (!JSON.stringify(json).includes('"$host"')) return decode(json);
  if (isMarked(json)) return "int64" in json.$host ? BigInt(json.$host.int64) : undefined;
  if (Array.isArray(json)) return json.map((item) => given(item, decode));
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, given(item, decode)]));
}
