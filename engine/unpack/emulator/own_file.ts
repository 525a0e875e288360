/** The file that a program was started from: some stubs read it to see whether it was changed, or to unpack what is behind their sections. */

/** What the program is called. */
export const FILE_NAME = "C:\\program.exe";
/** Where reading begins: FILE_BEGIN, FILE_CURRENT; any other is FILE_END. */
const BEGIN = 0, CURRENT = 1;
const INVALID_HANDLE = -1;
/** The handles of the file and of its mapping. */
const FILE = 0x44, MAPPING = 0x48;

/** That file, as its program may read it. */
export class OwnFile {
  readonly #octets: Uint8Array;
  #at = 0;

  /** @param octets All of it. */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Octets of it. */
  get size(): number {
    return this.#octets.length;
  }

  /** A handle of what has this name; -1 where that is no handle of this file: there is no other one. */
  open(name: string): number {
    const isOwn = name.toLowerCase().endsWith(FILE_NAME.slice("C:\\".length));
    if (!isOwn) return INVALID_HANDLE;
    this.#at = 0;
    return FILE;
  }

  /** Whether a handle is that of the file. */
  isFile(handle: number): boolean {
    return handle === FILE;
  }

  /** A handle of the file in memory, for a handle of the file; otherwise 0. */
  map(handle: number): number {
    return this.isFile(handle) ? MAPPING : 0;
  }

  /** Whether a handle is that of the file in memory. */
  isMapping(handle: number): boolean {
    return handle === MAPPING;
  }

  /** The next octets, at most so many; none at the end. */
  read(octets: number): Uint8Array {
    const part = this.#octets.subarray(this.#at, this.#at + (octets >>> 0));
    this.#at += part.length;
    return part;
  }

  /** Octets from a place on, at most so many; 0: all. */
  part(from: number, octets: number): Uint8Array {
    const start = from >>> 0;
    return this.#octets.subarray(start, octets === 0 ? undefined : start + (octets >>> 0));
  }

  /** Goes to a place. @returns it; -1 where there is none. */
  seek(by: number, from: number): number {
    const at = by + (from === BEGIN ? 0 : from === CURRENT ? this.#at : this.size);
    if (at < 0) return -1;
    this.#at = at;
    return at;
  }
}
