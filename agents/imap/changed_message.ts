/** FETCH items of a message that the gate has changed, or put another in the place of. All of them are of the same octets. */
import { Buffer } from "node:buffer";
import { bodyStructure } from "./body_structure.ts";
import { envelopeOf } from "./envelope.ts";
import { PREVIEW_CHARACTERS } from "./limits.ts";
import { fieldValue, mimeTree, type Part } from "./mime_tree.ts";
import type { Piece } from "./pieces.ts";
import type { Item, Section } from "./sections.ts";

const NOTHING = new Uint8Array(0);

/** The message that the client gets. */
export class ChangedMessage {
  readonly octets: Uint8Array;
  #tree: Part | undefined;

  constructor(octets: Uint8Array) {
    this.octets = octets;
  }

  /**
   * The value of an item.
   *
   * @param count Octets that were asked for from `origin` on.
   * @returns `undefined` for an item that says nothing of the content.
   */
  value(item: Item, count?: number): readonly Piece[] | undefined {
    const { name, section, origin } = item;
    switch (name) {
      case "ENVELOPE":
        return [envelopeOf(this.octets, this.#root)];
      case "BODYSTRUCTURE":
        return [bodyStructure(this.octets, this.#root, true)];
      case "RFC822.SIZE":
        return [String(this.octets.length)];
      case "RFC822":
        return literal(this.octets);
      case "RFC822.HEADER":
        return literal(this.#section({ part: [], text: "HEADER" })!);
      case "RFC822.TEXT":
        return literal(this.#section({ part: [], text: "TEXT" })!);
      case "PREVIEW":
      case "SNIPPET":
        return literal(new TextEncoder().encode(this.#preview()));
      case "BODY":
        if (!section) return [bodyStructure(this.octets, this.#root, false)];
        return slice(this.#section(section), origin, count);
      case "BINARY":
        return slice(this.#binary(section!), origin, count, true);
      case "BINARY.SIZE":
        return [String(this.#binary(section!)?.length ?? 0)];
      default:
        return undefined;
    }
  }

  get #root(): Part {
    return this.#tree ??= mimeTree(this.octets);
  }

  /** Octets of a section; `undefined` where the message has none such. */
  #section({ part: path, text, fields }: Section): Uint8Array | undefined {
    const part = find(this.#root, path);
    if (!part) return undefined;
    if (path.length === 0) return text ? this.#text(part, text, fields) : this.octets;
    if (text === undefined) return this.octets.subarray(part.body, part.end);
    if (text === "MIME") return this.octets.subarray(part.start, part.body);
    return part.message && this.#text(part.message, text, fields);
  }

  #text(
    part: Part,
    text: NonNullable<Section["text"]>,
    fields: readonly string[] = [],
  ): Uint8Array | undefined {
    switch (text) {
      case "TEXT":
        return this.octets.subarray(part.body, part.end);
      case "HEADER":
        return this.octets.subarray(part.start, part.body);
      case "MIME":
        return undefined;
      default: {
        const named = new Set(fields.map((field) => field.toLowerCase()));
        const wanted = part.fields.filter(({ name }) =>
          named.has(name) === (text === "HEADER.FIELDS")
        );
        return Buffer.concat([
          ...wanted.map(({ start, end }) => this.octets.subarray(start, end)),
          Buffer.from("\r\n"),
        ]);
      }
    }
  }

  /** A part without its transfer encoding: RFC 3516, section 4. */
  #binary({ part: path }: Section): Uint8Array | undefined {
    if (path.length === 0) return this.octets;
    const part = find(this.#root, path);
    if (!part) return undefined;
    const raw = Buffer.from(this.octets.subarray(part.body, part.end));
    const encoding = fieldValue(this.octets, part, "content-transfer-encoding")?.toLowerCase();
    if (encoding === "base64") return Buffer.from(raw.toString("latin1"), "base64");
    if (encoding === "quoted-printable") return fromQuotedPrintable(raw.toString("latin1"));
    return raw;
  }

  #preview(): string {
    const leaf = firstText(this.#root);
    if (!leaf) return "";
    const raw = Buffer.from(this.octets.subarray(leaf.body, leaf.end));
    const encoding = fieldValue(this.octets, leaf, "content-transfer-encoding")?.toLowerCase();
    const octets = encoding === "base64"
      ? Buffer.from(raw.toString("latin1"), "base64")
      : encoding === "quoted-printable"
      ? fromQuotedPrintable(raw.toString("latin1"))
      : raw;
    const text = new TextDecoder().decode(octets);
    const plain = leaf.subtype === "HTML" ? text.replace(/<[^<>]*>/g, " ") : text;
    return [...plain.replace(/[\s\p{Cc}\p{Cf}]+/gu, " ").trim()].slice(0, PREVIEW_CHARACTERS)
      .join("");
  }
}

/** The part of a path; the one part of what is no multipart is 1: RFC 9051, section 6.4.5. */
function find(root: Part, path: readonly number[]): Part | undefined {
  let part: Part | undefined = root;
  let message = root;
  for (const [depth, number] of path.entries()) {
    if (depth > 0) {
      // A part in a message inside is counted from that message on.
      const inner: Part | undefined = part!.type === "MULTIPART" ? part : part!.message;
      if (!inner && number === 1 && part !== root) continue; // a part without parts has itself, as servers see it
      if (!inner) return undefined;
      message = inner;
    }
    part = message.type === "MULTIPART"
      ? message.parts[number - 1]
      : number === 1
      ? message
      : undefined;
    if (!part) return undefined;
  }
  return part;
}

function firstText(part: Part): Part | undefined {
  if (part.type === "TEXT") return part;
  for (const each of part.parts) {
    const text = firstText(each);
    if (text) return text;
  }
  return undefined;
}

function slice(
  octets: Uint8Array | undefined,
  origin: number | undefined,
  count: number | undefined,
  binary = false,
): readonly Piece[] {
  if (!octets) return ["NIL"];
  if (origin === undefined) return literal(octets, binary);
  const end = count === undefined ? undefined : origin + count;
  return literal(octets.subarray(origin, end), binary);
}

/** Octets as a string. A NUL can stand in the literal8 of BINARY alone: elsewhere it is 128, as servers write it. */
function literal(octets: Uint8Array, binary = false): readonly Piece[] {
  if (octets.length === 0) return ['""'];
  if (!octets.includes(0)) return [{ octets, binary: false }];
  if (binary) return [{ octets, binary: true }];
  return [{ octets: octets.map((octet) => octet === 0 ? 128 : octet), binary: false }];
}

function fromQuotedPrintable(text: string): Uint8Array {
  if (text === "") return NOTHING;
  const plain = text.replace(/[ \t]+(\r?\n|$)?/g, (all, end?: string) => end ?? all).replace(
    /=\r?\n/g,
    "",
  )
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}
