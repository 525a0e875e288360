/**
 * The compressed data of ACE: LZ77 of version 1, and of version 2 with its turns of octets and of jumps. Sound and pictures of
 * version 2 have methods of their own, which are not known here.
 *
 * @see acefile (Daniel Roethlisberger) describes the format
 */
import { AceBits, AceCodes } from "./ace_bits.ts";
import type { DecodeEnd } from "./entries.ts";
import type { Output } from "./output.ts";

const MAX_WIDTH = 11;
/** Literals, four copies from the last distances, copies with 0 to 22 bits of distance, a change of mode. */
const MAIN_CODES = 284;
const LENGTH_CODES = 255;
const FIRST_COPY = 256;
const FIRST_DISTANCE = 260;
const MODE_CODE = 283;

/** How what LZ77 gives becomes content. */
export type AceMode =
  | { readonly kind: "plain" | "unknown" }
  /** Octets were differences, and stood in planes. */
  | { readonly kind: "delta"; readonly planes: number; readonly length: number }
  /** Targets of jumps and calls were made absolute. */
  | { readonly kind: "jumps"; readonly isWide: boolean };

/** Why there is no more. */
type Failure = Exclude<DecodeEnd, "complete">;

/** LZ77 over one window, which goes on through the files of a solid archive. */
class Lz77 {
  /** Set where the data ends or is wrong. */
  failure: Failure | undefined;
  readonly #bits: AceBits;
  readonly #window: Output;
  readonly #time: () => boolean;
  #main: AceCodes | undefined;
  #lengths: AceCodes | undefined;
  /** Symbols that are left of this block. */
  #left = 0;
  /** The last distances, latest last. */
  readonly #distances = [0, 0, 0, 0];
  /** How much of the window was handed out. */
  #given: number;
  /** A symbol that was looked at. */
  #pending: number | undefined;

  constructor(octets: Uint8Array, window: Output, time: () => boolean) {
    this.#bits = new AceBits(octets);
    this.#window = window;
    this.#given = window.length;
    this.#time = time;
  }

  #block(): void {
    this.#main = AceCodes.read(this.#bits, MAX_WIDTH, MAIN_CODES);
    this.#lengths = AceCodes.read(this.#bits, MAX_WIDTH, LENGTH_CODES);
    this.#left = this.#bits.take(15);
    if (!this.#main || !this.#lengths) this.failure = this.#bits.isOver ? "truncated" : "corrupt";
    else if (!this.#time()) this.failure = "time";
  }

  #symbol(): number {
    if (this.#pending !== undefined) {
      const pending = this.#pending;
      this.#pending = undefined;
      return pending;
    }
    while (this.#left === 0 && !this.failure) {
      if (this.#bits.isOver) this.failure = "truncated";
      else this.#block();
    }
    if (this.failure || !this.#main) return 0;
    this.#left--;
    const symbol = this.#main.next(this.#bits);
    if (this.#bits.isOver) this.failure = "truncated";
    return symbol;
  }

  #mode(): AceMode {
    switch (this.#bits.take(8)) {
      case 0:
        return { kind: "plain" };
      case 1: {
        const planes = this.#bits.take(8);
        return { kind: "delta", planes, length: this.#bits.take(17) };
      }
      case 2:
        return { kind: "jumps", isWide: this.#bits.take(8) !== 0 };
      default:
        return { kind: "unknown" };
    }
  }

  #copy(symbol: number): void {
    let distance: number;
    let more: number;
    if (symbol >= FIRST_DISTANCE) {
      const width = symbol - FIRST_DISTANCE;
      distance = width < 2 ? width : this.#bits.take(width - 1) + (1 << (width - 1));
      more = distance <= 255 ? 2 : distance <= 8191 ? 3 : 4;
      this.#distances.shift();
    } else {
      const back = symbol - FIRST_COPY;
      distance = this.#distances.splice(3 - back, 1)[0] ?? 0;
      more = back > 1 ? 3 : 2;
    }
    this.#distances.push(distance);
    let length = (this.#lengths?.next(this.#bits) ?? 0) + more;
    distance++;
    // before the beginning there are zeros
    for (; length > 0 && distance > this.#window.length; length--) {
      if (!this.#window.put(0)) this.failure = "limit";
      if (this.failure) return;
    }
    if (!this.#window.copy(distance, length)) this.failure = "limit";
  }

  /** Gives at most so many octets, or fewer up to a change of mode, or to what is wrong. */
  read(want: number): { readonly octets: Uint8Array; readonly mode?: AceMode } {
    let mode: AceMode | undefined;
    while (!this.failure && this.#window.length - this.#given < want) {
      const symbol = this.#symbol();
      if (this.failure) break;
      if (symbol === MODE_CODE) {
        mode = this.#mode();
        break;
      }
      if (symbol >= FIRST_COPY) this.#copy(symbol);
      else if (!this.#window.put(symbol)) this.failure = "limit";
    }
    if (!mode && !this.failure && this.#left > 0 && this.#window.length - this.#given === want) {
      this.#pending = this.#symbol();
      if (this.#pending === MODE_CODE) {
        this.#pending = undefined;
        mode = this.#mode();
      }
    }
    const end = Math.min(this.#window.length, this.#given + want);
    const octets = this.#window.view(this.#given).slice(0, end - this.#given);
    this.#given = end;
    return mode ? { octets, mode } : { octets };
  }
}

/** Adds up differences, and puts planes together: first octets of all groups came first. */
function undoDelta(octets: Uint8Array, planes: number, last: number): Uint8Array {
  const plain = new Uint8Array(octets.length);
  const size = Math.floor(octets.length / planes);
  let sum = last;
  const sums = octets.map((octet) => sum = (sum + octet) & 255);
  let at = 0;
  for (let i = 0; i < size; i++) {
    for (let plane = 0; plane + i < octets.length; plane += size) {
      plain[at++] = sums[plane + i] ?? 0;
    }
  }
  return plain.subarray(0, at);
}

/** Makes targets of jumps and calls relative again, in place; what the end cuts off is left. */
function undoJumps(octets: Uint8Array, start: number, isWide: boolean): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let at = 0;
  for (; at + 4 < octets.length; at++) {
    const code = octets[at];
    if (code === 0xe8 && isWide) {
      view.setUint32(at + 1, view.getUint32(at + 1, true) - (start + at), true);
      at += 4;
    } else if (code === 0xe8 || code === 0xe9) {
      view.setUint16(at + 1, view.getUint16(at + 1, true) - (start + at), true);
      at += 2;
    }
  }
  while (at < octets.length && octets[at] !== 0xe8 && octets[at] !== 0xe9) at++;
  return at;
}

/**
 * Decodes the data of one file.
 *
 * @param size Octets of the file.
 * @param output Where they go.
 * @param window What LZ77 gives: in version 1 the content itself, in solid archives that of the files before, too.
 */
export function unace(
  octets: Uint8Array,
  size: number,
  { isBlocked, output, window, time }: {
    readonly isBlocked: boolean;
    readonly output: Output;
    readonly window: Output;
    readonly time: () => boolean;
  },
): DecodeEnd {
  const lz77 = new Lz77(octets, window, time);
  let mode: AceMode = { kind: "plain" };
  /** The beginning of a jump whose end is still to come. */
  let held = new Uint8Array(0);
  let last = 0;
  for (let empty = 0; output.length + held.length < size;) {
    if (mode.kind === "unknown") return "unsupported";
    const isDelta = mode.kind === "delta";
    const want: number = mode.kind === "delta" ? mode.length : size - output.length - held.length;
    const parts: Uint8Array[] = [];
    let next: AceMode | undefined;
    let have = 0;
    do {
      const read = lz77.read(want - have);
      parts.push(read.octets);
      have += read.octets.length;
      next = read.mode ?? next;
    } while (isDelta && have < want && !lz77.failure);
    if (next && !isBlocked) return "corrupt";
    let piece = new Uint8Array(held.length + have);
    piece.set(held);
    parts.reduce((at, part) => (piece.set(part, at), at + part.length), held.length);
    held = new Uint8Array(0);
    if (mode.kind === "delta") {
      if (mode.planes === 0) return "corrupt";
      const sum = piece.reduce((total, octet) => total + octet, last) & 255;
      piece = new Uint8Array(undoDelta(piece, mode.planes, last));
      last = sum;
    } else if (mode.kind === "jumps") {
      const end = undoJumps(piece, output.length, mode.isWide);
      held = piece.slice(end);
      piece = piece.subarray(0, end);
    }
    if (!output.append(piece)) return "limit";
    if (lz77.failure) return lz77.failure;
    mode = next ?? mode;
    // changes of mode without content in between are made only to cost
    empty = have === 0 ? empty + 1 : 0;
    if (empty > 1000) return "corrupt";
  }
  return output.append(held) ? "complete" : "limit";
}
