/**
 * Compound files (OLE2): sectors chained to streams in a tree of storages.
 *
 * @see [MS-CFB]
 */
import type { Budget } from "../budget.ts";
import { concat, u16, u32 } from "./octets.ts";

const FREE = 0xfffffffa; // and above: not a sector
const NONE = 0xffffffff;
const ENTRY_OCTETS = 128;
/** Most directory entries that are read. */
const MAX_ENTRIES = 50_000;

/** A stream of a compound file. */
export interface OleStream {
  /** Names of its storages and its own, joined by `/`. */
  readonly path: string;
  readonly octets: Uint8Array;
  /** Whether its chain of sectors ended before its size. */
  readonly isCut: boolean;
}

interface DirectoryEntry {
  readonly name: string;
  readonly kind: number;
  readonly left: number;
  readonly right: number;
  readonly child: number;
  readonly start: number;
  readonly size: number;
}

/** Storage names of Windows Installer are packed: two characters in one from U+3800 on. */
function installerName(name: string): string {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
  return Array.from(name, (character) => {
    const code = character.charCodeAt(0);
    if (code >= 0x3800 && code < 0x4800) {
      const value = code - 0x3800;
      return (letters[value & 63] ?? "") + (letters[value >> 6] ?? "");
    }
    if (code >= 0x4800 && code < 0x4840) return letters[code - 0x4800] ?? "";
    return code === 0x4840 ? "!" : character;
  }).join("");
}

/** A compound file that was opened. */
export class OleFile {
  readonly #octets: Uint8Array;
  readonly #budget: Budget;
  readonly #sectorShift: number;
  readonly #fat: Uint32Array;
  readonly #miniFat: Uint32Array;
  readonly #mini: Uint8Array;
  readonly #miniCutoff: number;
  readonly #entries: readonly DirectoryEntry[];

  constructor(octets: Uint8Array, budget: Budget) {
    this.#octets = octets;
    this.#budget = budget;
    this.#sectorShift = Math.min(16, Math.max(7, u16(octets, 30)));
    this.#miniCutoff = u32(octets, 56) || 4096;
    this.#fat = this.#readFat();
    this.#entries = this.#readDirectory(this.#chain(u32(octets, 48), Infinity));
    const [root] = this.#entries;
    this.#mini = root ? this.#chain(root.start, Infinity) : new Uint8Array(0);
    const miniFat = this.#chain(u32(octets, 60), Infinity);
    this.#miniFat = new Uint32Array(miniFat.length >> 2);
    for (let i = 0; i < this.#miniFat.length; i++) this.#miniFat[i] = u32(miniFat, 4 * i);
  }

  #sector(index: number): Uint8Array {
    const at = (index + 1) * 2 ** this.#sectorShift;
    return this.#octets.subarray(at, at + (1 << this.#sectorShift));
  }

  /** Places of the FAT's own sectors: 109 in the header, the rest in a chain of sectors. */
  #readFat(): Uint32Array {
    const most = Math.ceil(this.#octets.length / (1 << this.#sectorShift)) + 1;
    const perSector = 1 << (this.#sectorShift - 2);
    const places: number[] = [];
    for (let i = 0; i < 109; i++) places.push(u32(this.#octets, 76 + 4 * i));
    const seen = new Set<number>();
    for (let next = u32(this.#octets, 68); next < FREE && !seen.has(next);) {
      seen.add(next);
      const sector = this.#sector(next);
      if (sector.length === 0) break;
      for (let i = 0; i < perSector - 1; i++) places.push(u32(sector, 4 * i));
      next = u32(sector, 4 * (perSector - 1));
    }
    const used = places.filter((place) => place < most).slice(0, Math.ceil(most / perSector) + 1);
    const fat = new Uint32Array(used.length * perSector).fill(NONE);
    for (const [n, place] of used.entries()) {
      const sector = this.#sector(place);
      for (let i = 0; i < sector.length >> 2; i++) fat[n * perSector + i] = u32(sector, 4 * i);
    }
    return fat;
  }

  /** The octets of a chain of sectors, up to `size`; ends early where the chain is broken or a circle. */
  #chain(start: number, size: number): Uint8Array {
    const sectorOctets = 1 << this.#sectorShift;
    const pieces: Uint8Array[] = [];
    let left = size;
    let steps = Math.ceil(this.#octets.length / sectorOctets) + 1;
    for (let next = start; next < FREE && left > 0 && steps-- > 0; next = this.#fat[next] ?? NONE) {
      const sector = this.#sector(next);
      if (sector.length === 0) break;
      pieces.push(sector.length > left ? sector.subarray(0, left) : sector);
      left -= sector.length;
    }
    return concat(pieces);
  }

  #miniChain(start: number, size: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let left = size;
    let steps = (this.#mini.length >> 6) + 1;
    for (
      let next = start;
      next < FREE && left > 0 && steps-- > 0;
      next = this.#miniFat[next] ?? NONE
    ) {
      const sector = this.#mini.subarray(next * 64, next * 64 + Math.min(64, left));
      if (sector.length === 0) break;
      pieces.push(sector);
      left -= sector.length;
    }
    return concat(pieces);
  }

  #readDirectory(octets: Uint8Array): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    const decoder = new TextDecoder("utf-16le");
    for (
      let at = 0;
      at + ENTRY_OCTETS <= octets.length && entries.length < MAX_ENTRIES;
      at += ENTRY_OCTETS
    ) {
      const nameOctets = Math.min(64, Math.max(2, u16(octets, at + 64))) - 2;
      entries.push({
        name: installerName(decoder.decode(octets.subarray(at, at + (nameOctets & ~1)))),
        kind: octets[at + 66] ?? 0,
        left: u32(octets, at + 68),
        right: u32(octets, at + 72),
        child: u32(octets, at + 76),
        start: u32(octets, at + 116),
        size: u32(octets, at + 120),
      });
    }
    return entries;
  }

  /** The octets of the first stream with a path, which is compared as Windows does. */
  find(path: string): Uint8Array | undefined {
    const wanted = path.toLowerCase();
    for (const stream of this.streams()) {
      if (stream.path.toLowerCase() === wanted) return stream.octets;
    }
    return undefined;
  }

  /** Every stream: those of the tree with their path, and those that no storage holds any more. */
  *streams(): Generator<OleStream> {
    const reached = new Set<number>([0]);
    const open: { index: number; base: string }[] = [];
    const push = (index: number, base: string) => {
      if (index >= this.#entries.length || reached.has(index)) return;
      reached.add(index);
      open.push({ index, base });
    };
    push(this.#entries[0]?.child ?? NONE, "");
    for (let scanned = 1; this.#budget.time();) {
      const next = open.pop();
      if (!next) {
        while (scanned < this.#entries.length && reached.has(scanned)) scanned++;
        if (scanned >= this.#entries.length) return;
        push(scanned, "");
        continue;
      }
      const entry = this.#entries[next.index];
      if (!entry) continue;
      push(entry.right, next.base);
      push(entry.left, next.base);
      if (entry.kind === 1) push(entry.child, `${next.base}${entry.name}/`);
      if (entry.kind !== 2) continue;
      const isMini = entry.size < this.#miniCutoff;
      const octets = isMini
        ? this.#miniChain(entry.start, entry.size)
        : this.#chain(entry.start, entry.size);
      yield { path: next.base + entry.name, octets, isCut: octets.length < entry.size };
    }
  }
}
