/** Messages that were cut into pieces (message/partial): put together again where all pieces are at hand. RFC 2046, section 5.2.2. */
import { Buffer } from "node:buffer";
import { fieldText, type HeaderReading } from "./headers.ts";
import { MAX_PIECES } from "./limits.ts";
import { readStructured } from "./parameters.ts";
import type { Source } from "./source.ts";

/** A piece, and the part that it came as. */
export interface Piece<Part> {
  readonly part: Part;
  readonly id: string;
  /** From 1. */
  readonly number: number;
  /** How many there are; some pieces do not say it. */
  readonly total: number | undefined;
}

/** What the header of a part says of the piece that it is; undefined where it does not say which. */
export function readPiece<Part>(
  source: Source,
  header: HeaderReading,
  part: Part,
): Piece<Part> | undefined {
  for (const field of header.fields) {
    if (field.name !== "content-type") continue;
    const value = readStructured(fieldText(source, field));
    const [id] = value.parameter("id");
    const number = wholeNumber(value.parameter("number")[0]);
    if (id === undefined || number === undefined) continue;
    return { part, id, number, total: wholeNumber(value.parameter("total")[0]) };
  }
  return undefined;
}

function wholeNumber(text: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,6})\s*$/.exec(text ?? "")?.[1];
  const number = Number(digits);
  return digits !== undefined && number >= 1 && number <= MAX_PIECES ? number : undefined;
}

/** A whole message made of pieces. */
export interface Joined<Part> {
  /** Part of the first piece. */
  readonly part: Part;
  readonly octets: Uint8Array;
}

/**
 * Puts together what is whole: every number from 1 to the total, of which of several with one number the first is taken.
 *
 * @param body Octets of a piece.
 */
export function joinPieces<Part>(
  pieces: readonly Piece<Part>[],
  body: (part: Part) => Uint8Array,
): Joined<Part>[] {
  const byId = new Map<string, Map<number, Piece<Part>>>();
  for (const piece of pieces) {
    let group = byId.get(piece.id);
    if (group === undefined) byId.set(piece.id, group = new Map());
    if (!group.has(piece.number)) group.set(piece.number, piece);
  }
  const joined: Joined<Part>[] = [];
  for (const group of byId.values()) {
    const total = Math.max(...[...group.values()].map((piece) => piece.total ?? 0));
    const inOrder: Piece<Part>[] = [];
    for (let number = 1; number <= total; number++) {
      const piece = group.get(number);
      if (piece === undefined) break;
      inOrder.push(piece);
    }
    const [first] = inOrder;
    if (first === undefined || inOrder.length < total) continue;
    // A piece ends with the line end that its last line has: RFC 2046, section 5.2.2.1.
    const lines = inOrder.map(({ part }) => body(part)).flatMap((octets, i) =>
      i < total - 1 && octets.at(-1) !== 10 ? [octets, Buffer.from("\r\n")] : [octets]
    );
    joined.push({ part: first.part, octets: new Uint8Array(Buffer.concat(lines)) });
  }
  return joined;
}
