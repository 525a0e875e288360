import { PosternError } from "../../errors.ts";
import { growOctets } from "../../free_octets.ts";

/** One packet of an MTA. */
export interface Packet {
  /** The command's octet as a character, whatever it is. */
  readonly command: string;
  /** What follows it; good until the next call. */
  readonly data: Uint8Array;
}

const LENGTH_OCTETS = 4;
const FIRST_OCTETS = 4096;
const NOTHING = new Uint8Array(0);

/**
 * Cuts a stream into packets: a uint32 (big-endian) that counts the command and the data, one command octet, data. Memory grows
 * with what has come, never with what a length promises. Once failed it stays failed.
 */
export class PacketDecoder {
  #maxOctets: number;
  #held: Uint8Array = NOTHING;
  #length = 0;
  #failure: PosternError | undefined;

  /** @param maxOctets Longest packet, the length itself not counted. */
  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  /** Another limit, for the packets that come. */
  set maxOctets(octets: number) {
    this.#maxOctets = octets;
  }

  /** Whether a packet has begun and is not whole. */
  get partial(): boolean {
    return this.#length > 0;
  }

  /** Octets that are held for it. */
  get capacity(): number {
    return this.#held.length;
  }

  /** Keeps no room for packets to come. */
  rest(): void {
    if (this.#length === 0) this.#held = NOTHING;
  }

  /**
   * Reads at most one packet; octets after `used` stay with the caller.
   *
   * @throws {PosternError} `wire/bad-frame` for a length of 0, `wire/too-long` for one beyond the limit.
   */
  take(chunk: Uint8Array): { used: number; packet?: Packet } {
    if (this.#failure) throw this.#failure;
    if (this.#length === 0 && chunk.length > LENGTH_OCTETS) { // the usual case: the packet is whole and is not copied
      const end = LENGTH_OCTETS + this.#packetLength(chunk);
      if (end <= chunk.length) {
        return { used: end, packet: packet(chunk.subarray(LENGTH_OCTETS, end)) };
      }
    }
    let used = 0;
    if (this.#length < LENGTH_OCTETS) {
      used = this.#append(chunk, LENGTH_OCTETS - this.#length);
      if (this.#length < LENGTH_OCTETS) return { used };
    }
    const end = LENGTH_OCTETS + this.#packetLength(this.#held);
    used += this.#append(chunk.subarray(used), end - this.#length);
    if (this.#length < end) return { used };
    const whole = packet(this.#held.subarray(LENGTH_OCTETS, end));
    this.#length = 0;
    return { used, packet: whole };
  }

  /** The first octets of what failed or is not whole, to say what it is. */
  get seen(): Uint8Array {
    return this.#held.subarray(0, this.#length);
  }

  #packetLength(octets: Uint8Array): number {
    const length = new DataView(octets.buffer, octets.byteOffset, octets.length).getUint32(0);
    if (length === 0) this.#fail(octets, "wire/bad-frame", "A packet has no command");
    if (length > this.#maxOctets) {
      this.#fail(octets, "wire/too-long", `A packet of ${length} octets is too long`);
    }
    return length;
  }

  #fail(octets: Uint8Array, code: "wire/bad-frame" | "wire/too-long", message: string): never {
    if (octets !== this.#held) {
      this.#held = octets.slice(0, 64);
      this.#length = this.#held.length;
    }
    throw this.#failure = new PosternError(code, message);
  }

  /** @returns octets taken of the chunk. */
  #append(chunk: Uint8Array, most: number): number {
    const used = Math.min(chunk.length, most);
    const wanted = this.#length + used;
    if (wanted > this.#held.length) {
      this.#held = growOctets(this.#held, this.#length, Math.max(wanted, FIRST_OCTETS));
    }
    this.#held.set(chunk.subarray(0, used), this.#length);
    this.#length = wanted;
    return used;
  }
}

function packet(octets: Uint8Array): Packet {
  return { command: String.fromCharCode(octets[0]!), data: octets.subarray(1) };
}
