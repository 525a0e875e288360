import { freeOctets, growOctets } from "../free_octets.ts";
import { latin1 } from "./line_ends.ts";

const CR = 13;
const LF = 10;
const DOT = 46;
const DOT_LINE = "\r\n.";
/** A message begins at the begin of a line, so the buffer begins with the line end before it. */
const PREFIX = 2;
const FIRST_OCTETS = 16 * 1024;
/** A buffer for a message that is not kept need not be larger; what a read brings fits. */
const LARGE_OCTETS = 128 * 1024;

/**
 * Decodes what follows DATA: ends at CRLF . CRLF and at nothing else, takes the dot off lines that begin with one
 * (RFC 5321, section 4.5.2). Bare CR and LF are kept as they are; they begin no line, so a dot after one is content.
 */
export class DataDecoder {
  readonly #maxOctets: number;
  readonly #room: number;
  /** Made when the first octets do not end the message: most small ones come in one piece. */
  #octets: Uint8Array | undefined;
  #length = PREFIX;
  /** No dot line that is not yet dealt with begins before. */
  #searched = 0;
  #tooLarge = false;

  /**
   * @param maxOctets Largest message; the octets of a larger one are read to its end and dropped.
   * @param declared What the client said that it will send (SIZE), octets; 0 when it did not.
   */
  constructor(maxOctets: number, declared = 0) {
    this.#maxOctets = maxOctets;
    const room = Math.min(declared > 0 ? declared + (declared >> 6) : 0, maxOctets) + PREFIX + 64;
    this.#room = Math.max(Math.min(room, 1 << 26), FIRST_OCTETS);
  }

  /** Octets held for the message now, for whoever counts memory. */
  get capacity(): number {
    return this.#octets?.length ?? this.#room;
  }

  /** Whether the message is larger than the limit; it is then no longer kept. */
  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  /**
   * @returns octets used, all of them unless the data ended; `message` once it did, empty when it was too large.
   */
  take(chunk: Uint8Array): { used: number; message?: Uint8Array } {
    if (!this.#octets && !this.#tooLarge) {
      const whole = this.#whole(chunk);
      if (whole) return whole;
    }
    const octets = this.#append(chunk);
    const base = this.#searched;
    const text = latin1(octets, base, this.#length);
    let removed = 0; // dots taken off in this call: places in `text` are ahead of places in the buffer by so many
    let write = -1;
    let read = 0;
    let at = text.indexOf(DOT_LINE);
    for (; at !== -1; at = text.indexOf(DOT_LINE, at + 2)) {
      const dot = at + PREFIX;
      if (dot + 1 >= text.length || (text[dot + 1] === "\r" && dot + 2 >= text.length)) break; // not known yet
      const end = text[dot + 1] === "\r" && text[dot + 2] === "\n";
      if (write === -1) write = base + dot;
      else {
        octets.copyWithin(write, base + read, base + dot);
        write += dot - read;
      }
      read = dot + 1;
      removed++;
      if (!end) continue;
      const used = chunk.length - (this.#length - (base + dot + 3));
      this.#tooLarge ||= write - PREFIX > this.#maxOctets;
      const message = this.#tooLarge ? new Uint8Array(0) : octets.slice(PREFIX, write);
      freeOctets(octets);
      return { used, message };
    }
    if (removed > 0) {
      octets.copyWithin(write, base + read, this.#length);
      this.#length -= removed;
    }
    // What could still become a dot line is searched again; the line behind a dot that was taken off is not.
    this.#searched = at !== -1
      ? base + at - removed
      : Math.max(base, this.#length - PREFIX, removed > 0 ? base + read - removed : 0);
    this.#limit();
    return { used: chunk.length };
  }

  /** Keeps nothing from here on, as if the message were too large. */
  drop(): void {
    this.#tooLarge = true;
    this.#limit();
  }

  /** A message that is all in the first piece, with no dot to take off: the common case, with one copy. */
  #whole(chunk: Uint8Array): { used: number; message: Uint8Array } | undefined {
    if (chunk[0] === DOT) return undefined;
    const text = latin1(chunk);
    const at = text.indexOf(DOT_LINE);
    if (at === -1 || text[at + 3] !== "\r" || text[at + 4] !== "\n") return undefined;
    const length = at + PREFIX;
    this.#tooLarge = length > this.#maxOctets;
    const message = this.#tooLarge ? new Uint8Array(0) : chunk.slice(0, length);
    return { used: at + DOT_LINE.length + PREFIX, message };
  }

  #append(chunk: Uint8Array): Uint8Array {
    const wanted = this.#length + chunk.length;
    let octets = this.#octets;
    if (!octets) {
      octets = this.#octets = new Uint8Array(Math.max(this.#room, wanted));
      octets[0] = CR;
      octets[1] = LF;
    } else if (wanted > octets.length) {
      octets = this.#octets = growOctets(octets, this.#length, wanted);
    }
    octets.set(chunk, this.#length);
    this.#length = wanted;
    return octets;
  }

  /** Past the limit only what the search for the end needs is kept. */
  #limit(): void {
    this.#tooLarge ||= this.#length - PREFIX > this.#maxOctets + DOT_LINE.length + 2;
    const octets = this.#octets;
    if (!this.#tooLarge || !octets) return;
    octets.copyWithin(0, this.#searched, this.#length);
    this.#length -= this.#searched;
    this.#searched = 0;
    if (octets.length <= LARGE_OCTETS) return;
    this.#octets = octets.slice(0, LARGE_OCTETS);
    freeOctets(octets);
  }
}
