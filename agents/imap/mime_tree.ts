/**
 * A message taken apart the plain way, for FETCH items of messages that the gate has changed: RFC 2045, 2046. It does not judge:
 * what it reads has been scanned.
 */
import { Buffer } from "node:buffer";
import { MAX_FIELD_OCTETS, MAX_PART_DEPTH, MAX_PARTS } from "./limits.ts";

const LF = 10;
const CR = 13;

/** A header field. */
export interface Field {
  /** Lower case. */
  readonly name: string;
  /** Octets of the message, its line ends included. */
  readonly start: number;
  readonly end: number;
}

/** Content-Type and Content-Disposition: a word, and what stands behind it. */
export interface Parameterised {
  /** As it came: `text/plain`, `attachment`. */
  readonly value: string;
  /** Names as they came. */
  readonly parameters: readonly (readonly [string, string])[];
}

/** A part: the message itself, a part of a multipart, or a message inside. */
export interface Part {
  /** Where its header begins, where its body begins, and where that ends: octets of the message. */
  readonly start: number;
  readonly body: number;
  readonly end: number;
  readonly fields: readonly Field[];
  /** `text` and `plain`, upper case. */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: readonly (readonly [string, string])[];
  /** Of a multipart. */
  readonly parts: readonly Part[];
  /** What a message/rfc822 holds. */
  readonly message?: Part;
}

/** Takes a message apart. */
export function mimeTree(message: Uint8Array): Part {
  return new Tree(Buffer.from(message.buffer, message.byteOffset, message.byteLength)).root();
}

/** Value of the first field of a name, unfolded, octets as Latin-1; `undefined` where there is none. */
export function fieldValue(message: Uint8Array, part: Part, name: string): string | undefined {
  const field = part.fields.find((each) => each.name === name);
  if (!field) return undefined;
  const end = Math.min(field.end, field.start + MAX_FIELD_OCTETS);
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
    .toString("latin1", field.start, end);
  return text.slice(text.indexOf(":") + 1).replace(/\r?\n(?=[ \t])/g, "").replace(/[\r\n]/g, "")
    .replaceAll("\0", "")
    .trim();
}

class Tree {
  readonly #octets: Buffer;
  #parts = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  root(): Part {
    return this.#part(0, this.#octets.length, 0, "text/plain");
  }

  #part(start: number, end: number, depth: number, otherwise: string): Part {
    this.#parts++;
    const { fields, body } = this.#header(start, end);
    const plain = { start, body, end, fields, parts: [] };
    const written = fieldValue(this.#octets, { ...plain, ...TEXT }, "content-type") ?? otherwise;
    const { value, parameters } = parseParameterised(written);
    const [, type, subtype] = /^([^\s/()<>@,;:\\"[\]?=]+)\/([^\s/()<>@,;:\\"[\]?=]+)/.exec(value) ??
      [];
    if (type === undefined || subtype === undefined) return { ...plain, ...TEXT };
    const kind = { type: type.toUpperCase(), subtype: subtype.toUpperCase(), parameters };
    if (depth >= MAX_PART_DEPTH) return { ...plain, ...kind, ...leafOf(kind) };
    if (kind.type === "MULTIPART") {
      const boundary = parameters.find(([name]) => name.toLowerCase() === "boundary")?.[1];
      const inner = kind.subtype === "DIGEST" ? "message/rfc822" : "text/plain";
      const parts = boundary
        ? this.#within(body, end, boundary).map(([from, to]) =>
          this.#part(from, to, depth + 1, inner)
        )
        : [];
      return parts.length > 0 ? { ...plain, ...kind, parts } : { ...plain, ...TEXT };
    }
    if (kind.type === "MESSAGE" && (kind.subtype === "RFC822" || kind.subtype === "GLOBAL")) {
      return { ...plain, ...kind, message: this.#part(body, end, depth + 1, "text/plain") };
    }
    return { ...plain, ...kind };
  }

  /** Fields up to the empty line, and where the body begins behind it. */
  #header(start: number, end: number): { fields: Field[]; body: number } {
    const fields: Field[] = [];
    let open: { name: string; start: number } | undefined;
    const close = (at: number) => {
      if (open) fields.push({ ...open, end: at });
      open = undefined;
    };
    let at = start;
    while (at < end) {
      const lf = this.#octets.indexOf(LF, at);
      const next = lf === -1 || lf >= end ? end : lf + 1;
      const first = this.#octets[at];
      if (first === LF || first === CR && this.#octets[at + 1] === LF && at + 1 < end) {
        close(at);
        return { fields, body: next };
      }
      if (first !== 32 && first !== 9) {
        close(at);
        const name = /^[\x21-\x39\x3b-\x7e]{1,200}(?=[ \t]*:)/
          .exec(this.#octets.toString("latin1", at, Math.min(next, at + 300)))?.[0];
        if (name !== undefined) open = { name: name.toLowerCase(), start: at };
      }
      at = next;
    }
    close(end);
    return { fields, body: end };
  }

  /** Where the parts of a multipart lie. */
  #within(body: number, end: number, boundary: string): [number, number][] {
    const delimiter = Buffer.from(`--${boundary}`, "latin1");
    const parts: [number, number][] = [];
    let open: number | undefined;
    let at = body;
    while (this.#parts + parts.length < MAX_PARTS) {
      const found = this.#octets.indexOf(delimiter, at);
      if (found === -1 || found + delimiter.length > end) break;
      at = found + delimiter.length;
      if (found > body && this.#octets[found - 1] !== LF) continue;
      const lf = this.#octets.indexOf(LF, at);
      const lineEnd = lf === -1 || lf >= end ? end : lf + 1;
      const rest = this.#octets.toString("latin1", at, Math.min(lineEnd, at + 1000)).trimEnd();
      if (rest !== "" && rest !== "--") continue; // a longer word that begins alike
      if (open !== undefined) parts.push([open, this.#before(found, open)]);
      open = lineEnd;
      at = lineEnd;
      if (rest === "--") return parts;
    }
    if (open !== undefined && open < end) parts.push([open, end]); // the close is missing
    return parts;
  }

  /** The line end before a delimiter belongs to the delimiter: RFC 2046, section 5.1.1. */
  #before(delimiter: number, start: number): number {
    let end = delimiter;
    if (end > start && this.#octets[end - 1] === LF) end--;
    if (end > start && this.#octets[end - 1] === CR) end--;
    return end;
  }
}

const TEXT = {
  type: "TEXT",
  subtype: "PLAIN",
  parameters: [["charset", "us-ascii"]] as const,
  parts: [],
} as const;

/** What is too deep to be taken apart is a file. */
function leafOf({ type }: { type: string }): { type: string; subtype: string } | object {
  return type === "MULTIPART" || type === "MESSAGE"
    ? { type: "APPLICATION", subtype: "OCTET-STREAM" }
    : {};
}

/** Reads `text/plain; charset="utf-8"`; comments are left out. */
export function parseParameterised(text: string): Parameterised {
  const pieces: string[] = [];
  let piece = "";
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (depth > 0) {
      if (char === "\\") i++;
      else if (char === "(") depth++;
      else if (char === ")") depth--;
    } else if (char === "(") depth++;
    else if (char === '"') {
      const quoted = /"(?:[^"\\]|\\.)*"?/ys;
      quoted.lastIndex = i;
      const whole = quoted.exec(text)![0];
      piece += whole;
      i += whole.length - 1;
    } else if (char === ";") {
      pieces.push(piece);
      piece = "";
    } else piece += char;
  }
  pieces.push(piece);
  const [value = "", ...rest] = pieces.map((each) => each.trim());
  const parameters = rest.flatMap((each): [string, string][] => {
    const equals = each.indexOf("=");
    if (equals < 1) return [];
    const raw = each.slice(equals + 1).trim();
    const text = raw.startsWith('"')
      ? raw.replace(/^"|"$/g, "").replace(/\\(.)/gs, "$1")
      : raw.replace(/\s.*$/s, "");
    return [[each.slice(0, equals).trim(), text]];
  });
  return { value, parameters };
}
