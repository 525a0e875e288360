/** Names of FETCH data items, as they are asked for and as they are answered: RFC 9051, section 6.4.5. */
import { PosternError } from "../../errors.ts";
import { ArgumentReader, isAtom } from "./pieces.ts";

/** What of a part is meant. */
export type SectionText = "HEADER" | "HEADER.FIELDS" | "HEADER.FIELDS.NOT" | "TEXT" | "MIME";

/** The section of BODY[...] and BINARY[...]. */
export interface Section {
  /** Numbers of the part, outermost first; `[]` is the message. */
  readonly part: readonly number[];
  readonly text?: SectionText;
  /** Names of header fields as they came, for HEADER.FIELDS and HEADER.FIELDS.NOT. */
  readonly fields?: readonly string[];
}

/** One data item. */
export interface Item {
  /** Upper case, without `.PEEK`: `FLAGS`, `BODY`, `BINARY.SIZE`, `RFC822.TEXT`, ... */
  readonly name: string;
  readonly peek?: boolean;
  readonly section?: Section;
  /** First octet that is wanted; of an answer, the first that is there. */
  readonly origin?: number;
  /** Octets that are wanted; never in an answer. */
  readonly count?: number;
  /** What stands in parentheses behind it, as in `PREVIEW (LAZY)`. */
  readonly modifier?: string;
}

/** What an item tells of a message, and so what must be known of the message first. */
export type ItemClass =
  | "plain" // nothing of its content: flags, dates, numbers
  | "overview" // sizes, structure and the header: what lists show
  | "content"; // what is in it, or what nobody here knows the meaning of

const PLAIN: ReadonlySet<string> = new Set([
  "FLAGS",
  "UID",
  "INTERNALDATE",
  "MODSEQ", // RFC 7162
  "EMAILID", // RFC 8474
  "THREADID",
  "SAVEDATE", // RFC 8514
  "X-GM-MSGID",
  "X-GM-THRID",
  "X-GM-LABELS",
]);
const OVERVIEW: ReadonlySet<string> = new Set([
  "ENVELOPE",
  "RFC822.SIZE",
  "RFC822.HEADER",
  "BODYSTRUCTURE",
]);
const OVERVIEW_TEXTS: ReadonlySet<string> = new Set([
  "HEADER",
  "HEADER.FIELDS",
  "HEADER.FIELDS.NOT",
]);

/** The class of an item. What this table does not know is content. */
export function itemClass({ name, section }: Item): ItemClass {
  if (PLAIN.has(name)) return "plain";
  if (OVERVIEW.has(name)) return "overview";
  if (name === "BODY" && section === undefined) return "overview";
  const header = name === "BODY" && section!.part.length === 0 && section!.text !== undefined &&
    OVERVIEW_TEXTS.has(section!.text);
  return header ? "overview" : "content";
}

const ITEM_NAME = /[A-Za-z0-9.\-_]+/y;
const SECTION_TEXTS = ["HEADER.FIELDS.NOT", "HEADER.FIELDS", "HEADER", "TEXT", "MIME"] as const;
const MAX_PATH = 100;

/**
 * Reads one data item.
 *
 * @throws {PosternError} `wire/bad-frame` where none stands.
 */
export function parseItem(reader: ArgumentReader): Item {
  const written = reader.match(ITEM_NAME)?.toUpperCase();
  if (written === undefined) throw new PosternError("wire/bad-frame", "expected a data item");
  const peek = written.endsWith(".PEEK");
  const name = peek ? written.slice(0, -".PEEK".length) : written;
  if (reader.next !== "[") {
    if (peek) throw new PosternError("wire/bad-frame", "expected [ behind .PEEK");
    return { name };
  }
  if (name !== "BODY" && name !== "BINARY" && name !== "BINARY.SIZE") {
    throw new PosternError("wire/bad-frame", `expected no section behind ${name.slice(0, 40)}`);
  }
  reader.expect("[");
  const section = parseSection(reader);
  reader.expect("]");
  const partial = reader.match(/<\d{1,19}(?:\.\d{1,19})?>/y)?.slice(1, -1).split(".").map(Number);
  return {
    name,
    ...(peek ? { peek } : {}),
    section,
    ...(partial?.[0] === undefined ? {} : { origin: partial[0] }),
    ...(partial?.[1] === undefined ? {} : { count: partial[1] }),
  };
}

function parseSection(reader: ArgumentReader): Section {
  const path = reader.match(/\d{1,10}(?:\.\d{1,10})*/y);
  const part = path?.split(".").map(Number) ?? [];
  if (part.length > MAX_PATH || part.includes(0)) {
    throw new PosternError("wire/bad-frame", "expected a part's number");
  }
  if (reader.next === "]") return { part };
  if (path !== undefined) reader.expect(".");
  const text = SECTION_TEXTS.find((each) => reader.accept(each));
  if (text === undefined || text === "MIME" && part.length === 0) {
    throw new PosternError("wire/bad-frame", "expected a section such as HEADER, TEXT or 1.MIME");
  }
  if (!text.startsWith("HEADER.FIELDS")) return { part, text };
  reader.expect(" (");
  const fields = [fieldName(reader)];
  while (!reader.accept(")")) {
    reader.expect(" ");
    fields.push(fieldName(reader));
  }
  return { part, text, fields };
}

function fieldName(reader: ArgumentReader): string {
  if (reader.atLiteral || reader.next === '"') return reader.astring();
  return reader.match(/[!#-'*-\\^-z|}~\u0080-\u00ff]+/y) ??
    (() => {
      throw new PosternError("wire/bad-frame", "expected the name of a header field");
    })();
}

/** An item as it is asked for. */
export function writeItem(item: Item): string {
  const peek = item.peek ? ".PEEK" : "";
  const partial = item.origin === undefined
    ? ""
    : item.count === undefined
    ? `<${item.origin}>`
    : `<${item.origin}.${item.count}>`;
  const section = item.section ? `[${writeSection(item.section)}]` : "";
  const modifier = item.modifier === undefined ? "" : ` (${item.modifier})`;
  return `${item.name}${peek}${section}${partial}${modifier}`;
}

function writeSection({ part, text, fields }: Section): string {
  const list = fields?.map((field) =>
    isAtom(field) && !field.includes("]") && !field.includes("\\") ? field : quote(field)
  );
  const path = part.join(".");
  const dot = path !== "" && text !== undefined ? "." : "";
  return `${path}${dot}${text ?? ""}${list ? ` (${list.join(" ")})` : ""}`;
}

/** A field's name that can stand in no header, and so cannot be found, is asked for without what cannot be quoted. */
function quote(text: string): string {
  return `"${text.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/** The name that an answer to an item has: one section and one origin, however it was written. */
export function answerKey({ name, section, origin }: Item): string {
  if (!section) return name;
  const fields = section.fields?.map((field) => field.toUpperCase());
  return JSON.stringify([name, section.part, section.text, fields, origin]);
}
