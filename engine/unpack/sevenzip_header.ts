/**
 * Headers of 7z: which packed streams there are, how they are coded, and which files lie in what comes out.
 *
 * @see 7zFormat.txt of the LZMA SDK
 */

/** A step of decoding. */
export interface Coder {
  /** Method id in hex, e.g. `030101` LZMA. */
  readonly id: string;
  readonly properties: Uint8Array;
}

/** A chain of coders over one packed stream, and the files in what it gives. */
export interface Folder {
  /** In the order in which they decode; `undefined` where they are not one chain. */
  readonly chain: readonly Coder[] | undefined;
  readonly coders: readonly Coder[];
  readonly packStart: number;
  readonly packSize: number;
  /** What the last coder gives, octets. */
  readonly unpackSize: number;
  /** Sizes of the files in it. */
  readonly sizes: readonly number[];
}

/** A whole header. */
export interface SevenZipHeader {
  readonly folders: readonly Folder[];
  /** Of files that have content, in order. */
  readonly names: readonly string[];
}

/** Thrown within this file and caught where a header is read. */
class HeaderError extends RangeError {}

const MAX_ITEMS = 100_000;

class Reader {
  readonly #octets: Uint8Array;
  at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  octet(): number {
    const octet = this.#octets[this.at++];
    if (octet === undefined) throw new HeaderError("The header ends too early");
    return octet;
  }

  take(count: number): Uint8Array {
    if (count > this.#octets.length - this.at) throw new HeaderError("The header ends too early");
    this.at += count;
    return this.#octets.subarray(this.at - count, this.at);
  }

  /** The first octet's leading ones tell how many octets follow. */
  number(): number {
    const first = this.octet();
    let value = 0;
    for (let i = 0, mask = 0x80; i < 8; i++, mask >>= 1) {
      if ((first & mask) === 0) return value + (first & (mask - 1)) * 2 ** (8 * i);
      value += this.octet() * 2 ** (8 * i);
    }
    return value;
  }

  /** A number of things, each of which takes at least a bit of the header. */
  count(): number {
    const value = this.number();
    if (value > MAX_ITEMS) throw new HeaderError("The header counts too many things");
    return value;
  }

  bits(count: number): boolean[] {
    const octets = this.take(Math.ceil(count / 8));
    return Array.from(
      { length: count },
      (_, i) => ((octets[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0,
    );
  }

  /** Checksums: all defined, or a bit for each. They are not asked. */
  digests(count: number): readonly boolean[] {
    const defined = this.octet() !== 0
      ? Array.from({ length: count }, () => true)
      : this.bits(count);
    this.take(4 * defined.filter(Boolean).length);
    return defined;
  }
}

interface RawFolder {
  readonly coders: readonly Coder[];
  readonly chain: readonly Coder[] | undefined;
  readonly outputs: number;
  readonly last: number;
  readonly packs: number;
  hasDigest: boolean;
}

function readFolder(reader: Reader): RawFolder {
  const coders: Coder[] = [];
  let inputs = 0;
  let outputs = 0;
  let isSimple = true;
  for (let left = reader.count(); left > 0; left--) {
    const flags = reader.octet();
    const id = Array.from(reader.take(flags & 15), (o) => o.toString(16).padStart(2, "0")).join("");
    const ins = flags & 0x10 ? reader.count() : 1;
    const outs = flags & 0x10 ? reader.count() : 1;
    isSimple &&= ins === 1 && outs === 1;
    inputs += ins;
    outputs += outs;
    coders.push({ id, properties: flags & 0x20 ? reader.take(reader.count()) : new Uint8Array(0) });
    if (coders.length > 32) throw new HeaderError("Too many coders");
  }
  /** Which output feeds an input. */
  const feeds = new Map<number, number>();
  const bound = new Set<number>();
  for (let left = outputs - 1; left > 0; left--) {
    const input = reader.count();
    const output = reader.count();
    feeds.set(input, output);
    bound.add(output);
  }
  const packs = Math.max(1, inputs - (outputs - 1));
  if (packs > 1) { for (let i = 0; i < packs; i++) reader.count(); }
  const last = Array.from({ length: outputs }, (_, i) => i).find((i) => !bound.has(i)) ?? 0;
  return {
    coders,
    chain: isSimple ? chainOf(coders, feeds, last) : undefined,
    outputs,
    last,
    packs,
    hasDigest: false,
  };
}

/** From the last coder back to the one that reads the packed stream. */
function chainOf(
  coders: readonly Coder[],
  feeds: ReadonlyMap<number, number>,
  last: number,
): readonly Coder[] | undefined {
  const chain: Coder[] = [];
  for (let index: number | undefined = last; index !== undefined; index = feeds.get(index)) {
    const coder = coders[index];
    if (!coder || chain.length > coders.length) return undefined;
    chain.unshift(coder);
  }
  return chain.length === coders.length ? chain : undefined;
}

function readStreams(reader: Reader): readonly Folder[] {
  let packStart = 32;
  let packSizes: number[] = [];
  let raw: RawFolder[] = [];
  let unpackSizes: number[][] = [];
  let sizes: number[][] | undefined;
  for (let kind = reader.number(); kind !== 0; kind = reader.number()) {
    if (kind === 6) { // packed streams
      packStart += reader.number();
      const count = reader.count();
      for (let own = reader.number(); own !== 0; own = reader.number()) {
        if (own === 9) packSizes = Array.from({ length: count }, () => reader.number());
        else if (own === 10) reader.digests(count);
        else throw new HeaderError("Unknown property");
      }
    } else if (kind === 7) { // folders
      if (reader.number() !== 11) throw new HeaderError("No folders");
      const count = reader.count();
      if (reader.octet() !== 0) throw new HeaderError("Folders lie elsewhere");
      raw = Array.from({ length: count }, () => readFolder(reader));
      for (let own = reader.number(); own !== 0; own = reader.number()) {
        if (own === 12) {
          unpackSizes = raw.map(({ outputs }) =>
            Array.from({ length: outputs }, () => reader.number())
          );
        } else if (own === 10) {
          for (const [i, has] of reader.digests(count).entries()) {
            const folder = raw[i];
            if (folder) folder.hasDigest = has;
          }
        } else throw new HeaderError("Unknown property");
      }
    } else if (kind === 8) sizes = readSubstreams(reader, raw, unpackSizes);
    else throw new HeaderError("Unknown property");
  }
  let pack = 0;
  let at = packStart;
  return raw.map(({ coders, chain, last, packs }, i) => {
    const start = at;
    const packSize = packSizes[pack] ?? 0;
    for (let n = 0; n < packs; n++) at += packSizes[pack++] ?? 0;
    const unpackSize = unpackSizes[i]?.[last] ?? 0;
    return {
      coders,
      chain,
      packStart: start,
      packSize,
      unpackSize,
      sizes: sizes?.[i] ?? [unpackSize],
    };
  });
}

/** Sizes of the files in each folder; the last of a folder is what remains. */
function readSubstreams(
  reader: Reader,
  raw: readonly RawFolder[],
  unpackSizes: readonly number[][],
): number[][] {
  let counts = raw.map(() => 1);
  const sizes: number[][] = [];
  const total = (i: number) => unpackSizes[i]?.[raw[i]?.last ?? 0] ?? 0;
  let hasSizes = false;
  const fill = (read: () => number) => {
    hasSizes = true;
    for (const [i, count] of counts.entries()) {
      const own: number[] = [];
      let left = total(i);
      for (let n = 0; n + 1 < count; n++) {
        const size = read();
        own.push(size);
        left -= size;
      }
      if (count > 0) own.push(Math.max(0, left));
      sizes.push(own);
    }
  };
  for (let own = reader.number(); own !== 0; own = reader.number()) {
    if (own === 13) counts = raw.map(() => reader.count());
    else if (own === 9) fill(() => reader.number());
    else if (own === 10) {
      // a folder of one file whose checksum the folder has does not repeat it
      const own = counts.map((count, i) => count === 1 && raw[i]?.hasDigest ? 0 : count);
      reader.digests(own.reduce((sum, count) => sum + count, 0));
    } else throw new HeaderError("Unknown property");
  }
  if (!hasSizes) fill(() => 0);
  return sizes;
}

function readFiles(reader: Reader): readonly string[] {
  const count = reader.count();
  let names: string[] = [];
  let empty: boolean[] = [];
  for (let kind = reader.number(); kind !== 0; kind = reader.number()) {
    const octets = reader.take(reader.number());
    if (kind === 14) empty = new Reader(octets).bits(count);
    else if (kind === 17 && octets[0] === 0) {
      names = new TextDecoder("utf-16le").decode(octets.subarray(1)).split("\0").slice(0, count);
    }
  }
  return names.filter((_, i) => !empty[i]);
}

/**
 * Reads a header.
 *
 * @returns For a header that is itself packed, `isPacked` and the one folder that gives it; `undefined` for what is no header.
 */
export function readSevenZipHeader(
  octets: Uint8Array,
): SevenZipHeader & { readonly isPacked: boolean } | undefined {
  const reader = new Reader(octets);
  try {
    const kind = reader.number();
    if (kind === 0x17) return { folders: readStreams(reader), names: [], isPacked: true };
    if (kind !== 1) return undefined;
    let folders: readonly Folder[] = [];
    for (let own = reader.number(); own !== 0; own = reader.number()) {
      if (own === 4) {
        folders = readStreams(reader);
      } else if (own === 5) return { folders, names: readFiles(reader), isPacked: false };
      else if (own === 2) {
        for (let inner = reader.number(); inner !== 0; inner = reader.number()) {
          reader.take(reader.number());
        }
      } else return undefined;
    }
    return { folders, names: [], isPacked: false };
  } catch (error) {
    if (error instanceof HeaderError) return undefined;
    throw error;
  }
}
