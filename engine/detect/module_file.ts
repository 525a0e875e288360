/**
 * The file format of modules: a header in JSON, then sections of plain numbers and octets, each at a multiple of eight, so that
 * they are used where they lie. Nothing is parsed but the header. Integers are little-endian.
 *
 *     "PSTNMOD2"  u32 length of the header  header (JSON)  padding  sections
 */
import { PosternError } from "../../errors.ts";
import { MAX_MODULE_HEADER_OCTETS } from "./limits.ts";

const MAGIC = new TextEncoder().encode("PSTNMOD2");
/** Octets of it before the version. */
const LETTERS = 7;
const PREFIX = MAGIC.length + 4;
const ALIGN = 8;

/** What kinds of modules there are. */
export const MODULE_KINDS = [
  "hashes", // whole contents that are infected
  "good", // whole contents that are known to be good
  "sections", // sections of programs
  "patterns", // octets within contents
  "containers", // what archives say of their entries
  "yara", // rules for yara-x
] as const;
/** One of {@link MODULE_KINDS}. */
export type ModuleKind = (typeof MODULE_KINDS)[number];

/** Header of a module. */
export interface ModuleHeader {
  /** What it holds. */
  readonly kind: ModuleKind;
  /** What it is called. */
  readonly name: string;
  /** As the sources say it, or the time of the build. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly built: number;
  /** Date of the sources, ms since 1970: their age is counted from it. */
  readonly date: number;
  /** Signatures in it. */
  readonly count: number;
  /** Text (UTF-8) in which the finding `name` must be found. */
  readonly test: { readonly sample: string; readonly name: string };
  /** Lists of words that sections refer to. */
  readonly words?: readonly string[];
  /** Version of the built-in patterns that are in it, too: these need not be looked for beside it. */
  readonly builtin?: number;
}

/** Sections by name. */
export type ModuleSections = Readonly<Record<string, Uint8Array | Uint32Array>>;

interface Place {
  readonly offset: number;
  readonly octets: number;
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGN) * ALIGN;
}

/** The octets of a module. */
export function encodeModule(header: ModuleHeader, sections: ModuleSections): Uint8Array {
  const places: Record<string, Place> = {};
  let offset = 0;
  for (const [name, { byteLength }] of Object.entries(sections)) {
    places[name] = { offset, octets: byteLength };
    offset = aligned(offset + byteLength);
  }
  const json = new TextEncoder().encode(JSON.stringify({ ...header, sections: places }));
  const start = aligned(PREFIX + json.length);
  const file = new Uint8Array(start + offset);
  file.set(MAGIC);
  new DataView(file.buffer).setUint32(MAGIC.length, json.length, true);
  file.set(json, PREFIX);
  for (const [name, section] of Object.entries(sections)) {
    const octets = new Uint8Array(section.buffer, section.byteOffset, section.byteLength);
    file.set(octets, start + (places[name]?.offset ?? 0));
  }
  return file;
}

/** A module as read: sections are views of the octets. */
export class ModuleFile {
  readonly header: ModuleHeader;
  readonly #octets: Uint8Array;
  readonly #start: number;
  readonly #places: ReadonlyMap<string, Place>;

  /**
   * @param octets The whole file, at a multiple of eight in its buffer. It is kept.
   * @throws {PosternError} `"module/damaged"`.
   */
  constructor(octets: Uint8Array) {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    if (octets.length < PREFIX || MAGIC.some((octet, i) => octets[i] !== octet && i < LETTERS)) {
      throw damaged("it does not begin as a module does");
    }
    if (octets[LETTERS] !== MAGIC[LETTERS]) {
      throw damaged("another version of Postern built it; build the modules again");
    }
    const length = view.getUint32(MAGIC.length, true);
    if (length > MAX_MODULE_HEADER_OCTETS || PREFIX + length > octets.length) {
      throw damaged("its header is cut off");
    }
    if (octets.byteOffset % ALIGN !== 0) throw damaged("it is not aligned in memory");
    this.#octets = octets;
    this.#start = aligned(PREFIX + length);
    const { header, places } = readHeader(octets.subarray(PREFIX, PREFIX + length));
    this.header = header;
    this.#places = places;
    for (const [name, place] of places) {
      if (place.offset % ALIGN !== 0 || this.#start + place.offset + place.octets > octets.length) {
        throw damaged(`the section ${name} is cut off`);
      }
    }
  }

  /** Octets of a section. @throws {PosternError} `"module/damaged"` where there is no such section. */
  octets(name: string): Uint8Array {
    const place = this.#places.get(name);
    if (!place) throw damaged(`the section ${name} is missing`);
    const start = this.#start + place.offset;
    return this.#octets.subarray(start, start + place.octets);
  }

  /** Numbers of a section. @throws {PosternError} `"module/damaged"` where there is no such section. */
  numbers(name: string): Uint32Array {
    const { buffer, byteOffset, byteLength } = this.octets(name);
    if (byteLength % 4 !== 0) throw damaged(`the section ${name} is cut off`);
    return new Uint32Array(buffer, byteOffset, byteLength / 4);
  }

  /** Whether there is such a section. */
  has(name: string): boolean {
    return this.#places.has(name);
  }
}

/** The error of a module that cannot be used. */
export function damaged(detail: string, cause?: unknown): PosternError {
  return new PosternError("module/damaged", `The module is damaged: ${detail}`, { cause });
}

function readHeader(
  octets: Uint8Array,
): { header: ModuleHeader; places: ReadonlyMap<string, Place> } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets));
  } catch (cause) {
    throw damaged("its header cannot be read", cause);
  }
  const { kind, name, version, built, date, count, test, words, builtin, sections } = record(value);
  const found = MODULE_KINDS.find((known) => known === kind);
  const { sample, name: testName } = record(test);
  if (
    !found || typeof name !== "string" || typeof version !== "string" ||
    typeof sample !== "string" || typeof testName !== "string"
  ) throw damaged("its header is not one of this version");
  const places = new Map<string, Place>();
  for (const [section, place] of Object.entries(record(sections))) {
    const { offset, octets } = record(place);
    places.set(section, { offset: whole(offset), octets: whole(octets) });
  }
  return {
    header: {
      kind: found,
      name,
      version,
      built: whole(built),
      date: whole(date),
      count: whole(count),
      test: { sample, name: testName },
      ...(Array.isArray(words) ? { words: words.map(String) } : {}),
      ...(builtin === undefined ? {} : { builtin: whole(builtin) }),
    },
    places,
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw damaged("its header is incomplete");
  return value as Readonly<Record<string, unknown>>;
}

function whole(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged("its header has a number that is none");
}
