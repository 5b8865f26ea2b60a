// JSON pointers: the part of a value to change, without touching the value itself.

/** A copy of `value` in which the part at `pointer` is replaced by what `change` makes of it. */
export function pointedAt(value, pointer, change) {
  if (pointer === "") return change(value);
  const [, step, rest] = /^\/([^/]*)(.*)$/s.exec(pointer);
  const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[key] = pointedAt(value[key], rest, change);
  return copy;
}
