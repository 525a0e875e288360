/** Containers made for tests. */
import { deflateRawSync } from "node:zlib";
import { crc32 } from "./crc32.ts";
import { concat } from "./octets.ts";

const encoder = new TextEncoder();

/** A member of {@link makeZip}; what is left out is told truly. */
export interface ZipSource {
  readonly name: string;
  readonly content: Uint8Array;
  readonly method?: 0 | 8;
  readonly flags?: number;
  readonly crc?: number;
  /** Left out of the central directory. */
  readonly hidden?: boolean;
}

function numbers(...fields: readonly (readonly [value: number, octets: number])[]): Uint8Array {
  const octets: number[] = [];
  for (const [value, width] of fields) {
    for (let i = 0; i < width; i++) octets.push(Math.floor(value / 256 ** i) & 255);
  }
  return Uint8Array.from(octets);
}

/** Makes a zip: APPNOTE 4.3. */
export function makeZip(sources: readonly ZipSource[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, content, method = 8, flags = 0, hidden, ...rest } of sources) {
    const packed = method === 8 ? Uint8Array.from(deflateRawSync(content)) : content;
    const title = encoder.encode(name);
    const crc = rest.crc ?? crc32(content);
    const shared = numbers(
      [20, 2],
      [flags, 2],
      [method, 2],
      [0, 4],
      [crc, 4],
      [packed.length, 4],
      [content.length, 4],
      [title.length, 2],
      [0, 2],
    );
    const local = concat([numbers([0x04034b50, 4]), shared, title, packed]);
    if (!hidden) {
      const rest = numbers([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
      central.push(concat([numbers([0x02014b50, 4], [20, 2]), shared, rest, title]));
    }
    pieces.push(local);
    offset += local.length;
  }
  const directory = concat(central);
  const end = numbers(
    [0x06054b50, 4],
    [0, 4],
    [central.length, 2],
    [central.length, 2],
    [directory.length, 4],
    [offset, 4],
    [0, 2],
  );
  return concat([...pieces, directory, end]);
}

/** Makes a ustar archive of files. */
export function makeTar(files: readonly { name: string; content: Uint8Array }[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const { name, content } of files) {
    const header = new Uint8Array(512);
    header.set(encoder.encode(name).subarray(0, 100), 0);
    header.set(encoder.encode("0000644\x000000000\x000000000\0"), 100);
    header.set(encoder.encode(content.length.toString(8).padStart(11, "0") + "\0"), 124);
    header.set(encoder.encode("00000000000\0        0"), 136);
    header.set(encoder.encode("ustar\x0000"), 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.set(encoder.encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    pieces.push(header, content, new Uint8Array((512 - content.length % 512) % 512));
  }
  return concat([...pieces, new Uint8Array(1024)]);
}
