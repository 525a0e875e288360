/** The memory of a program that is run: a few regions in one array, and what was written in it. */
import { MAX_HEAP_OCTETS, STACK_OCTETS } from "./limits.ts";

/** Why an instruction could not run. */
export type FaultKind =
  /** Memory that is not there. */
  | "access"
  /** `int3`. */
  | "breakpoint"
  /** The trap flag, a debug register or `int1`. */
  | "step"
  /** A division that has no result. */
  | "divide"
  /** `into`. */
  | "overflow"
  /** `bound`. */
  | "bounds"
  /** An instruction that only the system may use. */
  | "privileged"
  /** An instruction that no processor has. */
  | "illegal"
  /** An instruction that is not interpreted here. */
  | "unsupported";

/** An instruction that could not run. */
export class Fault extends Error {
  /** Why. */
  readonly kind: FaultKind;

  /** @param kind Why. */
  constructor(kind: FaultKind) {
    super(kind);
    this.kind = kind;
  }
}

/** Octets of the region that functions of the system have their addresses in. */
export const TRAP_OCTETS = 0x20000;
/** Octets from one function's address to the next one's. */
export const TRAP_STEP = 32;
/** The blocks of the thread and the process, octets. */
const BLOCK_OCTETS = 0x1000;
const PAGE = 0x1000;
/** What was written is kept by granules of 2^4 octets. */
const GRANULE_BITS = 4;

/** Addresses of the regions beside the image. */
const STACK_AT = 0x7e000000;
const TRAPS_AT = 0x7f000000;
const THREAD_AT = 0x7ffdf000;
const HEAP_AT = 0x60000000;
/** Images from here on would lie among them; then those move down. */
const MOVED_FROM = 0x50000000;
const MOVED_BY = 0x50000000;

/** Flat memory: image, stack, block of the thread, functions of the system, heap. Each access outside of them is a {@link Fault}. */
export class Memory {
  /** Address of the image. */
  readonly base: number;
  /** Octets of the image. */
  readonly imageOctets: number;
  /** First address of the stack. */
  readonly stackAt: number;
  /** First address of the functions of the system. */
  readonly trapsAt: number;
  /** Address of the thread's block: what FS points to. */
  readonly threadAt: number;
  /** First address of what is allocated. */
  readonly heapAt: number;
  #octets: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #written: Uint8Array;
  readonly #stackFrom: number;
  readonly #trapsFrom: number;
  readonly #threadFrom: number;
  readonly #heapFrom: number;
  #heapOctets = 0;
  #writtenOctets = 0;
  /** Of the image, so many octets cannot be written: its headers, until the program asks for it. */
  #readOnly = 0;
  /** Where the last {@link Fault} of kind `access` wanted to read or write. */
  faultAt = 0;
  /** Whether it wanted to write. */
  faultWrites = false;

  /**
   * @param base Address of the image, unsigned.
   * @param imageOctets At most {@link MAX_IMAGE_OCTETS}: the caller has seen to it.
   */
  constructor(base: number, imageOctets: number) {
    const move = base + imageOctets > MOVED_FROM ? MOVED_BY : 0;
    this.base = base;
    this.imageOctets = imageOctets;
    this.stackAt = STACK_AT - move;
    this.trapsAt = TRAPS_AT - move;
    this.threadAt = THREAD_AT - move;
    this.heapAt = HEAP_AT - move;
    this.#stackFrom = imageOctets;
    this.#trapsFrom = this.#stackFrom + STACK_OCTETS;
    this.#threadFrom = this.#trapsFrom + TRAP_OCTETS;
    this.#heapFrom = this.#threadFrom + BLOCK_OCTETS;
    this.#octets = new Uint8Array(this.#heapFrom);
    this.#view = new DataView(this.#octets.buffer);
    this.#written = new Uint8Array((this.#heapFrom >> GRANULE_BITS) + 2);
  }

  /** The image as it is now; not a copy. */
  get image(): Uint8Array {
    return this.#octets.subarray(0, this.imageOctets);
  }

  /** What is allocated beside the image, as it is now; not a copy. */
  get heap(): Uint8Array {
    return this.#octets.subarray(this.#heapFrom);
  }

  /** Place of `size` octets in the array. */
  #place(address: number, size: number, writes = false): number {
    const inImage = (address - this.base) >>> 0;
    if (inImage <= this.imageOctets - size) return inImage;
    const inStack = (address - this.stackAt) >>> 0;
    if (inStack <= STACK_OCTETS - size) return this.#stackFrom + inStack;
    const inHeap = (address - this.heapAt) >>> 0;
    if (inHeap <= this.#heapOctets - size) return this.#heapFrom + inHeap;
    const inThread = (address - this.threadAt) >>> 0;
    if (inThread <= BLOCK_OCTETS - size) return this.#threadFrom + inThread;
    const inTraps = (address - this.trapsAt) >>> 0;
    if (inTraps <= TRAP_OCTETS - size) return this.#trapsFrom + inTraps;
    return this.#fail(address, writes);
  }

  #fail(address: number, writes: boolean): never {
    this.faultAt = address;
    this.faultWrites = writes;
    throw new Fault("access");
  }

  /** One octet. Throws {@link Fault}. */
  read8(address: number): number {
    return this.#octets[this.#place(address, 1)] ?? 0;
  }

  /** Two octets, unsigned. Throws {@link Fault}. */
  read16(address: number): number {
    return this.#view.getUint16(this.#place(address, 2), true);
  }

  /** Four octets, signed. Throws {@link Fault}. */
  read32(address: number): number {
    return this.#view.getInt32(this.#place(address, 4), true);
  }

  /** One, two or four octets. Throws {@link Fault}. */
  read(address: number, size: number): number {
    return size === 4
      ? this.read32(address)
      : size === 1
      ? this.read8(address)
      : this.read16(address);
  }

  /** One, two or four octets. Throws {@link Fault}. */
  write(address: number, size: number, value: number): void {
    const at = this.#place(address, size, true);
    if (at < this.#readOnly) this.#fail(address, true);
    this.#mark(at >> GRANULE_BITS);
    this.#mark((at + size - 1) >> GRANULE_BITS);
    if (size === 4) this.#view.setInt32(at, value, true);
    else if (size === 1) this.#octets[at] = value;
    else this.#view.setUint16(at, value, true);
  }

  /** Many octets. Throws {@link Fault}, and then has written none of them. */
  put(address: number, octets: Uint8Array): void {
    if (octets.length === 0) return;
    const at = this.#place(address, octets.length, true);
    if (at < this.#readOnly) this.#fail(address, true);
    const last = (at + octets.length - 1) >> GRANULE_BITS;
    for (let granule = at >> GRANULE_BITS; granule <= last; granule++) this.#mark(granule);
    this.#octets.set(octets, at);
  }

  /** Makes the headers, the first octets of the image, read-only or not: some stubs write there to have a fault. */
  protectHeaders(octets: number): void {
    this.#readOnly = octets;
  }

  /** Whether there is memory at an address. */
  has(address: number): boolean {
    try {
      this.read8(address);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether something was written at an address, or close to it, since {@link Memory.forget}. */
  wasWritten(address: number): boolean {
    try {
      return this.#written[this.#place(address, 1) >> GRANULE_BITS] === 1;
    } catch {
      return false;
    }
  }

  #mark(granule: number): void {
    if (this.#written[granule] === 1) return;
    this.#written[granule] = 1;
    if (granule < this.imageOctets >> GRANULE_BITS) this.#writtenOctets += 1 << GRANULE_BITS;
  }

  /** Octets of the image that were written since {@link Memory.forget}; by granules. */
  get writtenOctets(): number {
    return this.#writtenOctets;
  }

  /** From here on, nothing counts as written. */
  forget(): void {
    this.#written.fill(0);
    this.#writtenOctets = 0;
  }

  /**
   * Gets new memory, zeroed, in whole pages.
   *
   * @returns its address; `0` where there is no more.
   */
  allocate(octets: number): number {
    const wanted = Math.ceil(Math.max(1, octets >>> 0) / PAGE) * PAGE;
    if (this.#heapOctets + wanted > MAX_HEAP_OCTETS) return 0;
    const address = this.heapAt + this.#heapOctets;
    const total = this.#heapFrom + this.#heapOctets + wanted;
    if (total > this.#octets.length) {
      // twice as much each time, so that many small ones do not copy the image as often
      const room = Math.min(
        this.#heapFrom + MAX_HEAP_OCTETS,
        this.#heapFrom + 2 * (this.#heapOctets + wanted),
      );
      const octets = new Uint8Array(room);
      octets.set(this.#octets);
      const written = new Uint8Array((room >> GRANULE_BITS) + 2);
      written.set(this.#written);
      this.#octets = octets;
      this.#view = new DataView(octets.buffer);
      this.#written = written;
    }
    this.#heapOctets += wanted;
    return address;
  }

  /** A text that ends with a zero octet; `most` characters of it. Throws {@link Fault}. */
  text(address: number, most: number): string {
    let text = "";
    for (let i = 0; i < most; i++) {
      const octet = this.read8(address + i);
      if (octet === 0) break;
      text += String.fromCharCode(octet);
    }
    return text;
  }
}
