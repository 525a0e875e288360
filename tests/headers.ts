/** What a gateway may do to clean mail: add header fields, and nothing else. */
import { Buffer } from "node:buffer";

/** Whole header fields with their folds and line ends, and what follows them. */
interface Parted {
  readonly fields: readonly string[];
  /** From the empty line on. */
  readonly rest: string;
}

/** Cuts a message (Latin-1) into header fields and the rest; the header ends at the first line that is no field and no fold. */
function part(message: string): Parted {
  const fields: string[] = [];
  let at = 0;
  while (at < message.length) {
    const lf = message.indexOf("\n", at);
    const end = lf < 0 ? message.length : lf + 1;
    const line = message.slice(at, end);
    if (/^[ \t]/.test(line) && fields.length > 0) fields[fields.length - 1] += line;
    else if (/^[\x21-\x39\x3b-\x7e]+[ \t]*:/.test(line)) fields.push(line);
    else break;
    at = end;
  }
  return { fields, rest: message.slice(at) };
}

/**
 * Compares a message as sent with the message as it arrived.
 *
 * @param added Names of fields that may have been added, lower case; a name that ends with `*` is a prefix.
 * @returns `undefined` when nothing but such fields was added; else what differs.
 */
export function differenceBesideHeaders(
  sent: Uint8Array,
  arrived: Uint8Array,
  added: readonly string[],
): string | undefined {
  const before = part(Buffer.from(sent).toString("latin1"));
  const after = part(Buffer.from(arrived).toString("latin1"));
  let next = 0;
  for (const field of after.fields) {
    if (field === before.fields[next]) {
      next++;
      continue;
    }
    const name = field.slice(0, field.indexOf(":")).trim().toLowerCase();
    const known = added.some((each) =>
      each.endsWith("*") ? name.startsWith(each.slice(0, -1)) : name === each
    );
    if (!known) {
      return `header field ${JSON.stringify(field)} where ${
        JSON.stringify(before.fields[next] ?? "the header's end")
      } was sent`;
    }
  }
  if (next < before.fields.length) {
    return `header field missing: ${JSON.stringify(before.fields[next])}`;
  }
  if (before.rest === after.rest) return undefined;
  let at = 0;
  while (before.rest[at] === after.rest[at]) at++;
  const window = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 30), at + 30));
  return `body differs at octet ${at} of ${before.rest.length}/${after.rest.length}: sent ${
    window(before.rest)
  }, arrived ${window(after.rest)}`;
}
