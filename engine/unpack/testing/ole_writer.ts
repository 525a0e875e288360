/** Writes compound files for tests: version 3, sectors of 512 octets, streams in the root storage. [MS-CFB] */
import { concat } from "../octets.ts";

const SECTOR = 512;
const MINI = 64;
const CUTOFF = 4096;
const END = 0xfffffffe;
const FREE = 0xffffffff;

/** A stream to be written. */
export interface OleSource {
  readonly name: string;
  readonly octets: Uint8Array;
}

const filled = (octets: Uint8Array, to: number) =>
  concat([octets, new Uint8Array((to - (octets.length % to)) % to)]);

function words(values: readonly number[]): Uint8Array {
  const octets = new Uint8Array(4 * values.length);
  const view = new DataView(octets.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return octets;
}

/** One entry of the directory. */
function entry(
  name: string,
  kind: number,
  { start, size, child = FREE, right = FREE }: {
    readonly start: number;
    readonly size: number;
    readonly child?: number;
    readonly right?: number;
  },
): Uint8Array {
  const octets = new Uint8Array(128);
  const view = new DataView(octets.buffer);
  for (let i = 0; i < name.length; i++) view.setUint16(2 * i, name.charCodeAt(i), true);
  view.setUint16(64, 2 * name.length + 2, true);
  octets[66] = kind;
  octets[67] = 1;
  view.setUint32(68, FREE, true);
  view.setUint32(72, right, true);
  view.setUint32(76, child, true);
  view.setUint32(116, start, true);
  view.setUint32(120, size, true);
  return octets;
}

/** Directory entries are a tree by length of the name, then by its letters. */
function inOrder(a: OleSource, b: OleSource): number {
  const [left, right] = [a.name.toUpperCase(), b.name.toUpperCase()];
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
}

/** Makes a compound file. */
export function makeOle(streams: readonly OleSource[]): Uint8Array {
  const fat: number[] = [];
  const sectors: Uint8Array[] = [];
  /** Writes a chain of sectors. */
  const write = (octets: Uint8Array): number => {
    if (octets.length === 0) return END;
    const start = fat.length;
    const count = Math.ceil(octets.length / SECTOR);
    for (let i = 1; i < count; i++) fat.push(start + i);
    fat.push(END);
    sectors.push(filled(octets, SECTOR));
    return start;
  };
  const miniFat: number[] = [];
  const mini: Uint8Array[] = [];
  const places = [...streams].sort(inOrder).map(({ name, octets }) => {
    if (octets.length >= CUTOFF) return { name, start: write(octets), size: octets.length };
    const start = octets.length === 0 ? END : miniFat.length;
    for (let i = 1; i < Math.ceil(octets.length / MINI); i++) miniFat.push(miniFat.length + 1);
    if (octets.length > 0) miniFat.push(END);
    mini.push(filled(octets, MINI));
    return { name, start, size: octets.length };
  });
  const miniStream = concat(mini);
  const root = write(miniStream);
  const miniFatStart = write(words(miniFat));
  const entries = places.map(({ name, start, size }, i) =>
    entry(name, 2, { start, size, right: i + 1 < places.length ? i + 2 : FREE })
  );
  const directory = concat([
    entry("Root Entry", 5, {
      start: root,
      size: miniStream.length,
      child: places.length > 0 ? 1 : FREE,
    }),
    ...entries,
  ]);
  const directoryStart = write(directory);
  const fatSectors = Math.ceil((fat.length + 2) / (SECTOR / 4 - 1));
  const fatStart = fat.length;
  for (let i = 0; i < fatSectors; i++) fat.push(0xfffffffd);
  while (fat.length % (SECTOR / 4) !== 0) fat.push(FREE);
  const header = new Uint8Array(SECTOR);
  const view = new DataView(header.buffer);
  header.set([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
  view.setUint16(24, 0x3e, true);
  view.setUint16(26, 3, true);
  view.setUint16(28, 0xfffe, true);
  view.setUint16(30, 9, true);
  view.setUint16(32, 6, true);
  view.setUint32(44, fatSectors, true);
  view.setUint32(48, directoryStart, true);
  view.setUint32(56, CUTOFF, true);
  view.setUint32(60, miniFatStart, true);
  view.setUint32(64, Math.ceil(miniFat.length / (SECTOR / 4)), true);
  view.setUint32(68, END, true);
  for (let i = 0; i < 109; i++) {
    view.setUint32(76 + 4 * i, i < fatSectors ? fatStart + i : FREE, true);
  }
  return concat([header, ...sectors, words(fat)]);
}
