/**
 * Archives that unpack to themselves, octet by octet, as Russ Cox builds them in "Zip Files All The Way Down": deflate as a
 * language of two operations, one that says what follows and one that says again what was just said.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

/** What stands around the deflated data, once the checksum of the whole and its sizes are known. */
interface Frame {
  /** Before the data; as long for all values. */
  head(values: Values): Uint8Array;
  /** Behind the data; as long for all values. */
  tail(values: Values): Uint8Array;
}

interface Values {
  readonly crc: number;
  /** Of the whole archive, which is what is in it, too. */
  readonly size: number;
  /** Of the deflated data. */
  readonly packed: number;
  /** Any number: where no checksum fits, another one is tried. */
  readonly salt: number;
}

/** Octets of an operation: of each that is said by another one. */
const OPERATION = 5;

/** Bits in the order in which deflate has them. */
class Bits {
  readonly bits: number[] = [];
  /** The lowest bit first: numbers. */
  low(value: number, count: number): this {
    for (let i = 0; i < count; i++) this.bits.push(value >>> i & 1);
    return this;
  }
  /** The highest bit first: Huffman codes. */
  high(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.bits.push(value >>> i & 1);
    return this;
  }
  octets(count: number): Buffer {
    const octets = Buffer.alloc(count);
    this.bits.forEach((bit, i) => octets[i >>> 3]! |= bit << (i & 7));
    return octets;
  }
}

/** A stored block: says the octets behind it. RFC 1951, section 3.2.4. */
function say(length: number): Buffer {
  const block = Buffer.alloc(OPERATION);
  block.writeUInt16LE(length, 1);
  block.writeUInt16LE(~length & 0xffff, 3);
  return block;
}

/** Codes of lengths (from 257) or distances (from 0) with how many further bits they have: RFC 1951, section 3.2.5. */
function code(
  value: number,
  lowest: number,
  step: number,
): { code: number; extra: number; rest: number } {
  let base = lowest;
  for (let code = 0;; code++) {
    const extra = Math.max(0, Math.floor(code / step) - 1);
    if (value < base + 2 ** extra) return { code, extra, rest: value - base };
    base += 2 ** extra;
  }
}

/** Copies `length` octets, at most 257, from `distance` octets before. */
function copy(bits: Bits, length: number, distance: number): void {
  const size = code(length, 3, 4);
  if (size.code < 23) bits.high(size.code + 1, 7);
  else bits.high(0xc0 + size.code - 23, 8);
  bits.low(size.rest, size.extra);
  const back = code(distance, 1, 2);
  bits.high(back.code, 5).low(back.rest, back.extra);
}

/** A block of fixed codes that copies what it is told. RFC 1951, section 3.2.6. */
function copies(lengths: readonly number[], distance: number, last = false): Bits {
  const bits = new Bits().low(last ? 1 : 0, 1).low(1, 2);
  for (const length of lengths) copy(bits, length, distance);
  return bits.high(0, 7);
}

/**
 * Says the last `count` octets again. It takes five octets if a stored block comes behind it, whose three first bits are zero:
 * so it may fall short by two of its forty.
 */
function again(count: number): Buffer {
  const ways = [[count], ...Array.from({ length: count }, (_, i) => [i, count - i])];
  for (const lengths of ways.filter((way) => way.every((each) => each >= 3 && each <= 257))) {
    const bits = copies(lengths, count);
    // Blocks of nothing.
    while (bits.bits.length < 30) bits.low(0, 1).low(1, 2).high(0, 7);
    if (bits.bits.length >= 38 && bits.bits.length <= 40) return bits.octets(OPERATION);
  }
  throw new Error(`${count} octets cannot be said again in ${OPERATION}`);
}

/** Says the last `count` octets again and ends the data; `count` is `own(length of it)`. */
function againAtLast(own: (length: number) => number): Buffer {
  for (let length = 3; length < 12; length++) {
    const bits = copies([own(length)], own(length), true);
    if (Math.ceil(bits.bits.length / 8) === length) return bits.octets(length);
  }
  throw new Error("There is no such end");
}

/** All of it, for given values: each line says, in the end, itself and the lines before it that no other line has said. */
function assemble(head: Uint8Array, tail: Uint8Array): { whole: Buffer; packed: number } {
  const sayHead = say(head.length + OPERATION);
  const againHead = again(head.length + OPERATION);
  const [say0, say1, say4, again4] = [say(0), say(OPERATION), say(4 * OPERATION), again(20)];
  const againTail = againAtLast((length) => length + tail.length);
  const sayTail = say(againTail.length + tail.length);
  const data = Buffer.concat([
    ...[sayHead, head, sayHead],
    againHead,
    ...[say1, againHead],
    ...[say1, say1],
    ...[say4, againHead, say1, say1, say4],
    again4,
    ...[say4, again4, say4, again4, say4],
    again4,
    ...[say4, again4, say0, say0, sayTail],
    again4,
    ...[say0, say0],
    ...[sayTail, againTail, tail],
    againTail,
  ]);
  return { whole: Buffer.concat([head, data, tail]), packed: data.length };
}

/**
 * The checksum that stands in the archive and is the archive's own. A CRC is linear over GF(2) but for a constant: with what it
 * becomes for each single bit there are 32 equations for its 32 bits.
 */
function fixedPoint(sum: (crc: number) => number): number | undefined {
  const constant = sum(0);
  // Column i of what has to become `constant`: what bit i does to the sum, and the bit itself.
  const columns = Array.from({ length: 32 }, (_, i) => ({
    value: (sum(2 ** i) ^ constant ^ 1 << i) >>> 0,
    of: 2 ** i,
  }));
  let rest = constant;
  let crc = 0;
  for (let bit = 31; bit >= 0; bit--) {
    const at = columns.findIndex(({ value }) => 31 - Math.clz32(value) === bit);
    if (at < 0) continue;
    const [pivot = { value: 0, of: 0 }] = columns.splice(at, 1);
    for (const column of columns) {
      if ((column.value >>> bit & 1) === 0) continue;
      column.value = (column.value ^ pivot.value) >>> 0;
      column.of = (column.of ^ pivot.of) >>> 0;
    }
    if ((rest >>> bit & 1) === 0) continue;
    rest = (rest ^ pivot.value) >>> 0;
    crc = (crc ^ pivot.of) >>> 0;
  }
  return rest === 0 ? crc : undefined;
}

function quine(frame: Frame): Uint8Array {
  const none = { crc: 0, size: 0, packed: 0, salt: 0 };
  const layout = assemble(frame.head(none), frame.tail(none));
  for (let salt = 0; salt < 1000; salt++) {
    const values = { size: layout.whole.length, packed: layout.packed, salt };
    const make = (crc: number) =>
      assemble(frame.head({ ...values, crc }), frame.tail({ ...values, crc })).whole;
    const crc = fixedPoint((crc) => crc32(make(crc)));
    if (crc !== undefined) return new Uint8Array(make(crc));
  }
  throw new Error("No checksum fits");
}

/** A gzip file that is its own content: RFC 1952. */
export function gzipQuine(): Uint8Array {
  return quine({
    head({ salt }) {
      const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
      head.writeUInt32LE(salt, 4); // time of the file
      return head;
    },
    tail({ crc, size }) {
      const tail = Buffer.alloc(8);
      tail.writeUInt32LE(crc, 0);
      tail.writeUInt32LE(size, 4);
      return tail;
    },
  });
}

/** A zip archive whose one member is the archive: APPNOTE.TXT, section 4.3. */
export function zipQuine(): Uint8Array {
  const name = Buffer.from("r.zip");
  const common = ({ crc, size, packed, salt }: Values) => {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt16LE(salt, 6); // time of the file
    fields.writeUInt16LE(0x5c21, 8); // 1 January 2026
    fields.writeUInt32LE(crc, 10);
    fields.writeUInt32LE(packed, 14);
    fields.writeUInt32LE(size, 18);
    fields.writeUInt16LE(name.length, 22);
    return fields;
  };
  return quine({
    head: (values) => Buffer.concat([Buffer.from("PK\x03\x04"), common(values), name]),
    tail(values) {
      const end = Buffer.alloc(22);
      end.write("PK\x05\x06", "latin1");
      end.writeUInt16LE(1, 8);
      end.writeUInt16LE(1, 10);
      end.writeUInt32LE(46 + name.length, 12);
      end.writeUInt32LE(30 + name.length + values.packed, 16);
      const directory = [Buffer.from("PK\x01\x02\x14\x00"), common(values), Buffer.alloc(14), name];
      return Buffer.concat([...directory, end]);
    },
  });
}
