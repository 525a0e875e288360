/**
 * One reading of a message that programs read differently. The new message holds every content that any reader would have shown,
 * each once, in parts whose headers are plain; what was the same for everyone is copied octet by octet.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Budget } from "../budget.ts";
import { readMessage } from "../message/read.ts";
import type { MessageReading, PartReading } from "../message/types.ts";
import { comparableName } from "../message/names.ts";
import type { OctetRange, ScanLimits } from "../types.ts";
import { Contents } from "./contents.ts";
import { canonicalHeader, partFields } from "./canonical_header.ts";
import { MAX_CANONICAL_PARTS } from "./limits.ts";
import { plainText } from "./plain_text.ts";
import { base64Lines } from "./quote.ts";

const CRLF = "\r\n";

/**
 * Writes an ambiguous message anew.
 *
 * @returns The same buffer where the message is not ambiguous; undefined where no unambiguous message could be made that shows
 * every content and name of the old one.
 */
export function canonicalMessage(octets: Uint8Array, limits: ScanLimits): Uint8Array | undefined {
  const reading = readMessage(octets, new Budget(limits));
  if (reading.ambiguities.length === 0) return octets;
  for (const copying of [true, false]) {
    const made = new Writer(octets, reading, copying).message();
    if (made === undefined) continue;
    const after = readMessage(made, new Budget(limits));
    if (after.ambiguities.length === 0 && showsAll(reading, after)) return made;
  }
  return undefined;
}

/** Whether every content, but for text that had to be made plain, and every file name is there. */
function showsAll(before: MessageReading, after: MessageReading): boolean {
  const shown = new Contents(after.parts);
  const names = new Set(after.parts.flatMap((part) => part.names.map(comparableName)));
  return before.parts.every((part) =>
    part.contents.every(({ octets }) =>
      octets.length === 0 || shown.count(octets) > 0 || shown.count(plainText(octets, [])) > 0 ||
      shown.count(plainText(octets, filesIn(part, octets))) > 0
    ) && (part.contents.length === 0 || part.names.length === 0 ||
      part.names.some((name) => names.has(comparableName(name))))
  );
}

/** Where files stand in a text that are parts of their own: they are shown as such, and cut out of it. */
function filesIn(part: PartReading, octets: Uint8Array): OctetRange[] {
  const shift = (child: PartReading) =>
    child.source.buffer === octets.buffer ? octets.byteOffset - child.source.byteOffset : undefined;
  return part.children.filter((child) => child.kind === "embedded").flatMap((child) => {
    const by = shift(child);
    if (by === undefined) return [];
    const start = child.range.start - by, end = child.range.end - by;
    return start >= 0 && end <= octets.length ? [{ start, end }] : [];
  });
}

class Writer {
  readonly #octets: Uint8Array;
  readonly #reading: MessageReading;
  readonly #copying: boolean;
  readonly #odd: ReadonlySet<string>;
  readonly #written = new Set<string>();
  #parts = 0;
  #boundaries = 0;
  readonly #seed: string;

  constructor(octets: Uint8Array, reading: MessageReading, copying: boolean) {
    this.#octets = octets;
    this.#reading = reading;
    this.#copying = copying;
    this.#odd = new Set(reading.ambiguities.map((one) => one.part));
    this.#seed = createHash("sha256").update(octets).digest("hex").slice(0, 32);
  }

  /** The message; undefined where it has too many parts. */
  message(): Uint8Array | undefined {
    const { root } = this.#reading;
    const header = canonicalHeader(root.source, root.headerRange);
    const entity = this.#entity(root) ?? this.#leaf(new Uint8Array(), root, []);
    if (this.#parts > MAX_CANONICAL_PARTS) return undefined;
    return new Uint8Array(Buffer.concat([header, ascii(`MIME-Version: 1.0${CRLF}`), entity]));
  }

  /** Content-* fields, empty line and body of one node, no line end behind a body that has none; undefined where nothing is new. */
  #entity(part: PartReading): Uint8Array | undefined {
    if (++this.#parts > MAX_CANONICAL_PARTS) return undefined;
    if (part.path !== "" && this.#mayCopy(part)) return this.#copy(part);
    const own = part.contents.flatMap((content) => {
      const files = filesIn(part, content.octets);
      return this.#isNew(content.octets, part) ? [this.#leaf(content.octets, part, files)] : [];
    });
    if (part.kind === "message" && part.children.length === 1 && own.length === 0) {
      return this.#embeddedMessage(part.children[0]!);
    }
    const below = part.children.flatMap((child) => {
      const inner = part.kind === "message" ? this.#embeddedMessage(child) : this.#entity(child);
      return inner === undefined ? [] : [inner];
    });
    const all = [...own, ...below];
    if (all.length === 0) return undefined;
    if (all.length === 1 && part.kind !== "multipart") return all[0];
    return this.#multipart(all, this.#subtype(part, own.length));
  }

  /** Whether the part stands in the message and neither it nor anything below it is read differently. */
  #mayCopy(part: PartReading): boolean {
    if (!this.#copying || !part.inMessage || part.kind === "embedded") return false;
    if (part.headerRange.end === part.headerRange.start && part.kind !== "leaf") return false;
    const sound = (one: PartReading): boolean =>
      !this.#odd.has(one.path) && one.children.every(sound);
    return sound(part);
  }

  #copy(part: PartReading): Uint8Array | undefined {
    const contents: PartReading["contents"][number][] = [];
    const collect = (one: PartReading) => {
      contents.push(...one.contents);
      one.children.forEach(collect);
    };
    collect(part);
    let anyNew = contents.length === 0;
    for (const { octets } of contents) if (this.#isNew(octets, part)) anyNew = true;
    return anyNew ? this.#octets.subarray(part.range.start, part.range.end) : undefined;
  }

  /** Whether no part with this content and these names has been written. */
  #isNew(octets: Uint8Array, part: PartReading): boolean {
    const hash = createHash("sha256").update(octets).digest("base64");
    const key = `${hash} ${part.names.map(comparableName).join("/")}`;
    const isNew = !this.#written.has(key);
    this.#written.add(key);
    return isNew;
  }

  /** Whether the text itself is what programs differ about: files or parts in it. */
  #needsPlain(part: PartReading): boolean {
    return this.#odd.has(part.path) && part.children.length > 0 && part.kind !== "message";
  }

  #leaf(octets: Uint8Array, part: PartReading, files: readonly OctetRange[]): Uint8Array {
    const shown = this.#needsPlain(part) ? plainText(octets, files) : octets;
    return ascii(`${partFields(part, shown)}${CRLF}${base64Lines(shown, CRLF)}${CRLF}`);
  }

  #embeddedMessage(child: PartReading): Uint8Array | undefined {
    const header = canonicalHeader(child.source, child.headerRange);
    const entity = this.#entity(child);
    if (entity === undefined) return undefined;
    const fields =
      `Content-Type: message/rfc822${CRLF}Content-Disposition: attachment${CRLF}${CRLF}`;
    // A header of its own, even where the message had none: else its first lines would be taken for one.
    const front = header.length > 0 ? header : ascii(`Subject: ${CRLF}`);
    return Buffer.concat([ascii(fields), front, entity]);
  }

  /** The declared subtype where there is one that means nothing but how parts are shown. */
  #subtype(part: PartReading, own: number): string {
    const [type] = part.declaredTypes;
    const known = type === "multipart/alternative" || type === "multipart/related";
    return known && part.declaredTypes.length === 1 && own === 0 && !this.#odd.has(part.path)
      ? type
      : "multipart/mixed";
  }

  #multipart(parts: readonly Uint8Array[], type: string): Uint8Array {
    const boundary = `=_postern_${this.#seed}_${++this.#boundaries}`;
    const chunks: Uint8Array[] = [
      ascii(`Content-Type: ${type}; boundary="${boundary}"${CRLF}${CRLF}`),
    ];
    for (const part of parts) chunks.push(ascii(`--${boundary}${CRLF}`), part, ascii(CRLF));
    chunks.push(ascii(`--${boundary}--${CRLF}`));
    return Buffer.concat(chunks);
  }
}

function ascii(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
