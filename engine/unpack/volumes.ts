/**
 * Volumes of a set: files that are pieces of one, by the names that programs which split files give them. Each alone holds nothing
 * that could be opened; put together in order, they are read as one.
 */
import { fileType, fileTypeGroup } from "../detect/file_type.ts";
import { cabinetLinks, cabinetOrder } from "./cab_set.ts";
import { findEmbedded } from "./embedded.ts";
import { isUnopened, unpackerFor } from "./formats.ts";
import { makeFileList } from "./installshield.ts";
import { MAX_VOLUMES } from "./limits.ts";
import { concat, hasAscii, u16, u32 } from "./octets.ts";

/** A file that may be a volume. */
export interface Piece {
  /** Every name that a reader would show, likeliest first. */
  readonly names: readonly string[];
  readonly octets: Uint8Array;
}

/** Octets by a name. */
export interface NamedOctets {
  readonly name: string;
  readonly octets: Uint8Array;
}

/** Volumes that are at hand from the first to the last, without a gap. */
export interface VolumeSet {
  /** Name of what they are together. */
  readonly name: string;
  /** Places in the list that was given, in order. */
  readonly places: readonly number[];
  /** Octets of all. */
  readonly size: number;
  /** Type of what they are together, where its octets do not tell it. */
  readonly type?: string;
  /** Each has headers of its own, and only a reader that is given them one by one follows them. */
  readonly volumes?: readonly NamedOctets[];
  /** All octets in order, as one file. */
  join(): Uint8Array;
}

/** What a name says of the set that its file is in. */
interface VolumeName {
  /** Same for all of a set. */
  readonly key: string;
  /** Of the whole. */
  readonly whole: string;
  /** Order; numbers of a set follow each other, and {@link LAST} all of them. */
  readonly number: number;
  /** Highest number of a first volume. */
  readonly from: number;
}

/** Letters of split(1) count from `aa` on; endings of files that are no volumes seldom stand so early. */
const MAX_LETTERS = 200;
/** Number of the one that comes last whatever the others' numbers are. */
const LAST = Infinity;

interface Scheme {
  readonly form: RegExp;
  /** Highest number that the first volume may have. */
  readonly from: number;
  /** Name of the whole and number, from what the expression found. */
  readonly read: (found: readonly string[]) => readonly [whole: string, number: number];
}

/** Endings of files that people split. */
const PACKED =
  "zipx?|7z|rar|arj|ace|cab|tar|t[gbx]z|gz|bz2|xz|zst|lzma|iso|img|dmg|exe|msi|pdf|docx?|xlsx?|pptx?";

/** The ways of naming. The first that fits counts; those of zip and RAR have a file among them that other schemes know, too. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  // RAR from 3.0 on, and others that take its names
  part: {
    form: /^(.*)\.part(\d{1,5})(\.[a-z0-9]{1,4})?$/i,
    from: 1,
    read: ([, base = "", number, ending = ""]) => [
      base + (/^\.exe$/i.test(ending) ? ".rar" : ending),
      Number(number),
    ],
  },
  // RAR before: .rar, .r00 to .r99, .s00 ...
  oldRar: {
    form: /^(.*)\.(?:rar|([r-z])(\d\d))$/i,
    from: 0,
    read: ([, base = "", letter, digits]) => [
      `${base}.rar`,
      letter ? 100 * (letter.toLowerCase().charCodeAt(0) - 114) + Number(digits) + 1 : 0,
    ],
  },
  // zip: .z01, .z02, ... and .zip at the end; zipx has .zx01
  zip: {
    form: /^(.*)\.(?:zx?(\d{2,5})|zipx?)$/i,
    from: 1,
    read: ([, base = "", digits]) => [`${base}.zip`, digits ? Number(digits) : LAST],
  },
  // 7-Zip, HJSplit, split -d: .001
  number: {
    form: /^(.*)\.(\d{2,5})$/,
    from: 1,
    read: ([, base = "", digits]) => [base, Number(digits)],
  },
  // split: aa, ab, ...
  letters: {
    form: new RegExp(`^(x|.*(?:[._-]|\\.(?:${PACKED})))([a-z]{2,3})$`, "i"),
    from: 0,
    read: ([, base = "", letters = ""]) => [
      base.replace(/[._-]$/, ""),
      Array.from(letters.toLowerCase()).reduce((n, c) => 26 * n + c.charCodeAt(0) - 97, 0),
    ],
  },
};

/** What a file's names say, by every scheme that one of them fits. */
function volumeNames(names: readonly string[]): readonly VolumeName[] {
  return names.flatMap((name) =>
    Object.entries(SCHEMES).flatMap(([scheme, { form, from, read }]) => {
      const match = form.exec(name);
      if (!match) return [];
      const [whole, number] = read(match);
      if (scheme === "letters" && number > MAX_LETTERS) return [];
      // letters of another width are another set, digits may grow: .99, .100
      const width = scheme === "letters" ? match[2]?.length ?? 0 : 0;
      return [{ key: `${scheme}${width}/${whole.toLowerCase()}`, whole, number, from }];
    })
  );
}

/** Cabinets of InstallShield and their header; what is before the name is their folder. */
const INSTALLSHIELD = /^(.*[/\\])?(data\d{1,5}\.(?:cab|hdr))$/i;

/** Whether the name is one that volumes have; cabinets may be some by what stands in them. */
export function isVolumeName(names: readonly string[]): boolean {
  return volumeNames(names).length > 0 || names.some((name) => /\.(?:cab|hdr)$/i.test(name));
}

/** Cabinets of InstallShield, by their folders: one of them lists what is in all. */
function installShieldSets(pieces: readonly Piece[]): readonly VolumeSet[] {
  const folders = new Map<string, { place: number; file: NamedOctets }[]>();
  for (const [place, { names, octets }] of pieces.entries()) {
    const [, folder = "", name = ""] = INSTALLSHIELD.exec(names[0] ?? "") ?? [];
    if (name === "" || !hasAscii(octets, 0, "ISc(")) continue;
    const known = folders.get(folder);
    if (known) known.push({ place, file: { name, octets } });
    else folders.set(folder, [{ place, file: { name, octets } }]);
  }
  return [...folders.values()].filter((members) => members.length > 1).map((members) => {
    const list = makeFileList(members.slice(0, MAX_VOLUMES).map(({ file }) => file));
    return {
      name: "data1.hdr",
      type: "iscab",
      places: members.slice(0, MAX_VOLUMES).map(({ place }) => place),
      size: list.reduce((sum, piece) => sum + piece.length, 0),
      join: () => concat(list),
    };
  });
}

/** Cabinets that name each other; their reader asks for them by these names. */
function cabinetSets(pieces: readonly Piece[]): readonly VolumeSet[] {
  const own = pieces.map(({ names }) => (names[0] ?? "").replace(/^.*[/\\]/s, ""));
  const links = pieces.map(({ octets }) => cabinetLinks(octets));
  return cabinetOrder(links, own).map((places) => {
    const octets = places.map((place) => pieces[place]?.octets ?? new Uint8Array(0));
    return {
      name: own[places[0] ?? 0] ?? "",
      type: "cab",
      places,
      size: octets.reduce((sum, piece) => sum + piece.length, 0),
      volumes: octets.map((piece, i) => ({
        name: i === 0 ? "first.cab" : links[places[i - 1] ?? 0]?.next ?? "",
        octets: piece,
      })),
      join: () => concat(octets),
    };
  });
}

/**
 * Finds the sets that are complete as far as names tell: which one is the last is for the reader to see.
 *
 * No file is in two sets. Files whose content is one of its own (a picture beside another one) are no volumes.
 */
export function volumeSets(pieces: readonly Piece[]): readonly VolumeSet[] {
  const groups = new Map<string, Group>();
  for (const [place, { names, octets }] of pieces.entries()) {
    if (octets.length === 0) continue;
    for (const { key, whole, number, from } of volumeNames(names)) {
      let group = groups.get(key);
      if (!group) groups.set(key, group = { whole, from, places: new Map() });
      // of two by one name the first counts, and of two names of one file; the other file is read by itself
      if (!group.places.has(number) && group.latest !== place) group.places.set(number, place);
      group.latest = place;
    }
  }
  const sets = [...installShieldSets(pieces), ...cabinetSets(pieces)];
  const used = new Set(sets.flatMap(({ places }) => places));
  for (const { whole, from, places } of groups.values()) {
    const run = inOrder(places, from);
    if (run.length < 2 || run.some((place) => used.has(place))) continue;
    const set = volumeSet(whole, run, pieces);
    if (!set) continue;
    sets.push(set);
    for (const place of run) used.add(place);
  }
  return sets;
}

interface Group {
  readonly whole: string;
  /** Place of the file that was put in last. */
  latest?: number;
  readonly from: number;
  /** By number. */
  readonly places: Map<number, number>;
}

/** Places by number, from the first on as far as no number is missing. */
function inOrder(places: ReadonlyMap<number, number>, from: number): readonly number[] {
  const numbers = [...places.keys()].sort((a, b) => a - b);
  const [first = LAST] = numbers;
  const run: number[] = [];
  if (first > from) return run;
  for (const [index, number] of numbers.entries()) {
    if (number !== first + index && number !== LAST) break;
    const place = places.get(number);
    if (place !== undefined && run.length < MAX_VOLUMES) run.push(place);
  }
  return run;
}

function volumeSet(
  name: string,
  places: readonly number[],
  pieces: readonly Piece[],
): VolumeSet | undefined {
  const octets = places.map((place) => pieces[place]?.octets ?? new Uint8Array(0));
  const [first = new Uint8Array(0)] = octets;
  const size = octets.reduce((sum, piece) => sum + piece.length, 0);
  const start = rarStart(first);
  const rars = octets.map((piece, i) => i === 0 ? piece.subarray(start ?? 0) : piece);
  const kinds = rars.map(rarVolume);
  if (start !== undefined && kinds[0] !== undefined) {
    // one that is no volume of a RAR ends the set: it is read by itself
    const end = kinds.findIndex((kind) => kind !== kinds[0]);
    const count = end < 0 ? rars.length : end;
    if (count < 2) return undefined;
    return {
      name,
      places: places.slice(0, count),
      size: octets.slice(0, count).reduce((sum, piece) => sum + piece.length, 0),
      volumes: rars.slice(0, count)
        .map((piece, i) => ({ name: rarName(kinds[0] === "old", i), octets: piece })),
      join: () => concat(octets.slice(0, count)),
    };
  }
  const group = fileTypeGroup(fileType(first));
  if (group === "media") return undefined;
  if (octets.slice(1).some((piece) => fileTypeGroup(fileType(piece)) === "media")) return undefined;
  return { name, places, size, join: () => joined(octets) };
}

/** Whether a volume after the first has to be opened by itself, too: it begins like a container or a program of its own. */
export function isOwnFile(octets: Uint8Array): boolean {
  const type = fileType(octets);
  const group = fileTypeGroup(type);
  return unpackerFor(type) !== undefined || isUnopened(type) || group === "executable";
}

/** Where the RAR starts: behind the program of a self-extracting one. */
function rarStart(octets: Uint8Array): number | undefined {
  const type = fileType(octets);
  if (type === "rar") return 0;
  if (fileTypeGroup(type) !== "executable") return undefined;
  return findEmbedded(octets, false).find((found) => found.type === "rar")?.offset;
}

/** Whether it is a volume of a RAR, and by which names it looks for the next. */
function rarVolume(octets: Uint8Array): "old" | "new" | undefined {
  if (hasAscii(octets, 0, "Rar!\x1a\x07\0")) {
    // archive header: CRC, type, flags: 1 is a volume, 0x10 new names
    const flags = u16(octets, 10);
    if (octets[9] !== 0x73 || (flags & 1) === 0) return undefined;
    return flags & 0x10 ? "new" : "old";
  }
  // RAR 5 says it in a field of variable places, or under a cipher
  return hasAscii(octets, 0, "Rar!\x1a\x07\x01\0") ? "new" : undefined;
}

function rarName(isOld: boolean, index: number): string {
  if (!isOld) return `a.part${index + 1}.rar`;
  if (index === 0) return "a.rar";
  const letter = String.fromCharCode(114 + Math.floor((index - 1) / 100));
  return `a.${letter}${String((index - 1) % 100).padStart(2, "0")}`;
}

const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/**
 * The pieces as one file. The directory of a spanned zip tells a volume and a place in it for each member; it gets their places in
 * the whole.
 *
 * @see PKWARE APPNOTE 6.3.10, 4.3.12 and 8.4
 */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = concat(pieces).slice();
  const starts: number[] = [];
  for (let start = 0, i = 0; i < pieces.length; i++) {
    starts.push(start);
    start += pieces[i]?.length ?? 0;
  }
  const first = u32(whole, 0);
  if (first !== 0x08074b50 && first !== 0x04034b50) return whole;
  const view = new DataView(whole.buffer);
  let end = whole.length - 22;
  while (end >= 0 && end > whole.length - 22 - 0x10000 && u32(whole, end) !== END) end--;
  const directory = starts[u16(whole, end + 6)];
  if (end < 0 || u32(whole, end) !== END || u16(whole, end + 4) === 0 || directory === undefined) {
    return whole;
  }
  let at = directory + u32(whole, end + 16);
  if (u32(whole, at) !== CENTRAL) return whole;
  view.setUint32(end + 4, 0, true); // one volume, number 0
  view.setUint32(end + 16, at, true);
  for (; at + 46 <= end && u32(whole, at) === CENTRAL;) {
    const start = starts[u16(whole, at + 34)];
    const offset = u32(whole, at + 42);
    if (start !== undefined && start + offset < 0xffffffff) {
      view.setUint16(at + 34, 0, true);
      view.setUint32(at + 42, start + offset, true);
    }
    at += 46 + u16(whole, at + 28) + u16(whole, at + 30) + u16(whole, at + 32);
  }
  return whole;
}
