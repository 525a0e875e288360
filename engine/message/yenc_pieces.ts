/** yEnc files that were cut into pieces: put together where all of them are in one message. */
import { Buffer } from "node:buffer";
import { MAX_PIECES } from "./limits.ts";
import type { YencPiece } from "./yenc.ts";

/** A piece, and the part that it is in. */
export interface FoundPiece<Part> extends YencPiece {
  readonly part: Part;
  readonly name: string;
  readonly octets: Uint8Array;
}

/** A whole file made of pieces. */
export interface JoinedFile<Part> {
  /** Part of the first piece. */
  readonly part: Part;
  readonly name: string;
  readonly octets: Uint8Array;
}

/** Files of at least two pieces without a gap from the first one on; of several with one number the first is taken. */
export function joinYencPieces<Part>(pieces: readonly FoundPiece<Part>[]): JoinedFile<Part>[] {
  const files = new Map<string, Map<number, FoundPiece<Part>>>();
  for (const piece of pieces) {
    const key = `${piece.size} ${piece.name}`;
    let file = files.get(key);
    if (file === undefined) files.set(key, file = new Map());
    if (!file.has(piece.number)) file.set(piece.number, piece);
  }
  const joined: JoinedFile<Part>[] = [];
  for (const file of files.values()) {
    const inOrder: FoundPiece<Part>[] = [];
    for (let number = 1; number <= MAX_PIECES; number++) {
      const piece = file.get(number);
      if (piece === undefined) break;
      inOrder.push(piece);
    }
    const [first] = inOrder;
    if (first === undefined || inOrder.length < 2) continue;
    const octets = new Uint8Array(Buffer.concat(inOrder.map((piece) => piece.octets)));
    joined.push({ part: first.part, name: first.name, octets });
  }
  return joined;
}
