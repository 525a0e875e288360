/** Heads of ICAP and HTTP answers: RFC 3507, section 4.3; RFC 9112, section 5. */
import { PosternError } from "../../errors.ts";
import { MAX_FIELDS } from "./limits.ts";

/** A status line and the fields below it. */
export interface Head {
  readonly status: number;
  readonly reason: string;
  /** Values by name in lower case, in their order; continuation lines are kept, each behind an LF. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

const decoder = new TextDecoder("latin1");

/**
 * Reads a head, without the empty line at its end.
 *
 * @param protocol What the status line begins with.
 * @throws {PosternError} `wire/bad-frame` for what is none, `wire/too-long` for too many fields.
 */
export function parseHead(octets: Uint8Array, protocol: "ICAP" | "HTTP"): Head {
  const [first = "", ...lines] = decoder.decode(octets).split("\r\n");
  const line = /^([A-Z]+)\/\d\.\d (\d{3})(?: (.*))?$/.exec(first);
  if (!line || line[1] !== protocol) {
    throw new PosternError(
      "wire/bad-frame",
      `Not a status line of ${protocol}: ${first.slice(0, 80)}`,
    );
  }
  if (lines.length > MAX_FIELDS) {
    throw new PosternError("wire/too-long", `The head has more than ${MAX_FIELDS} lines`);
  }
  const fields = new Map<string, string[]>();
  let values: string[] | undefined;
  for (const each of lines) {
    if (/^[ \t]/.test(each)) {
      if (values) values[values.length - 1] += `\n${each.trim()}`;
      continue;
    }
    const [, name, value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(each) ?? [];
    if (name === undefined) {
      throw new PosternError("wire/bad-frame", `Not a header field: ${each.slice(0, 80)}`);
    }
    values = fields.get(name.toLowerCase());
    if (!values) fields.set(name.toLowerCase(), values = []);
    values.push(value.trimEnd());
  }
  return { status: Number(line[2]), reason: line[3] ?? "", fields };
}

/** First value of a field. */
export function field(head: Head, name: string): string | undefined {
  return head.fields.get(name)?.[0];
}

/** Elements of a field that is a list with commas, in lower case. */
export function listField(head: Head, name: string): readonly string[] {
  return (head.fields.get(name) ?? []).flatMap((value) => value.split(","))
    .map((each) => each.trim().toLowerCase()).filter((each) => each !== "");
}

/**
 * Sections of an ICAP message with their offsets: `res-hdr=0, res-body=137`. RFC 3507, section 4.4.1.
 *
 * @throws {PosternError} `wire/bad-frame`.
 */
export function encapsulated(
  head: Head,
): readonly { readonly name: string; readonly at: number }[] {
  const sections = listField(head, "encapsulated").map((each) => {
    const [, name, at] = /^(req-hdr|req-body|res-hdr|res-body|opt-body|null-body)\s*=\s*(\d{1,9})$/
      .exec(each) ?? [];
    if (name === undefined) {
      throw new PosternError(
        "wire/bad-frame",
        `Not a section of an ICAP message: ${each.slice(0, 80)}`,
      );
    }
    return { name, at: Number(at) };
  });
  if (sections.some(({ at }, i) => at < (sections[i - 1]?.at ?? 0))) {
    throw new PosternError("wire/bad-frame", "The sections of an ICAP message are out of order");
  }
  return sections;
}
