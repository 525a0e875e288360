/**
 * The flat form of a set of patterns: arrays of 32-bit words and octets, used where they lie in a module.
 *
 * - `signatures`: {@link SIGNATURE} words each; `bodies`: {@link BODY} words each, one for each pattern of a signature
 * - `pieces`: {@link PIECE} words each; `options`: the alternatives of choices; `octets`: values and masks
 * - `expressions`: logical expressions; `conditions`: {@link CONDITION} words each; `names`: each with its length before it
 * - `laters`, `laterTexts`: sub-signatures that are looked at once octets were found (later/laters.ts); absent where there are none
 * - `GRAMS.filter`, `.starts`, `.entries`: for each way of searching the grams by which patterns are found; `text.GRAMS...`: of
 *   those alone that are for text, which is searched once more in its normal form
 */
import { LayersTest } from "./container_layers.ts";
import { LATER_WORDS, Laters } from "./later/laters.ts";
import { damaged, type ModuleFile, type ModuleSections } from "./module_file.ts";

/** Words of a signature: name, flags, first body, bodies, first word of the expression, its words, condition (0: none). */
export const SIGNATURE = {
  words: 7,
  name: 0,
  flags: 1,
  firstBody: 2,
  bodies: 3,
  expression: 4,
  expressionWords: 5,
  condition: 6,
} as const;
/** Severities in the low octet of a signature's flags; the next octet is the target. */
export const SEVERITIES = ["infected", "suspicious", "spam"] as const;

/** Words of a body: first piece, pieces and flag, signature, sub-signature and kind of place, least and greatest distance. */
export const BODY = {
  words: 6,
  firstPiece: 0,
  pieces: 1,
  signature: 2,
  place: 3,
  min: 4,
  max: 5,
} as const;
/** Set in {@link BODY}.pieces: letters agree in either case. */
export const FOLDED_BIT = 0x80000000;

/**
 * Words of a piece: kind and flags, then by kind: of a run where its octets begin and how many they are; of a gap least and
 * greatest; of a choice its first option and how many; of an edge its kind.
 */
export const PIECE = { words: 3, run: 0, gap: 1, choice: 2, edge: 3 } as const;
/** Flags of a piece, above its kind: a run whose masks follow its values; a choice or edge that must not be. */
export const MASKED_BIT = 0x100;
/** See {@link MASKED_BIT}. */
export const NEGATED_BIT = 0x200;
/** Greatest of a gap without end. */
export const ENDLESS = 0xffffffff;

/** Words of a condition: least and greatest size of the content, entry point, number of sections; containers (0: any). */
export const CONDITION = { words: 7, size: 0, entry: 2, sections: 4, containers: 6 } as const;

/** Ways of searching: the octets that a gram has, and the fixed octets that its window must have. */
export const GRAMS = [
  { name: "aligned", octets: 4, window: 7 },
  { name: "four", octets: 4, window: 4 },
  { name: "three", octets: 3, window: 3 },
  { name: "two", octets: 2, window: 2 },
] as const;
/**
 * Words of an entry of a gram: the gram; the body; the piece and the place in it; the other octets of the window, so that hardly
 * anything is verified that is not there: three octets, how many of them are before the gram, {@link NEAR_BIT}s.
 */
export const ENTRY_WORDS = 4;
/** The window has other octets than the gram. */
export const NEAR_BIT = 1 << 26;
/** Letters of these agree in either case. */
export const NEAR_FOLDED_BIT = 1 << 27;
/** How many octets a window has besides an aligned gram. */
export const NEAR_OCTETS = 3;
/** Spreads grams over filter and table. */
export const MULTIPLIER = 0x9e3779b1;
/** Shift of the product by which a gram's second bit in its word of the filter is found. */
export const SECOND_SHIFT = 2;
/** Of sections with the grams of patterns for text. */
export const TEXT_PREFIX = "text.";

/** Grams of one way of searching. */
export interface GramTable {
  readonly octets: number;
  /** Signed, as all that is read once for every gram: numbers above 2^31 cost twice the time. */
  readonly filter: Int32Array;
  /** Shift that makes a bit of the filter of a product. */
  readonly filterShift: number;
  readonly starts: Uint32Array;
  readonly startShift: number;
  readonly entries: Uint32Array;
}

/** A set of patterns. */
export interface PatternTables {
  readonly signatures: Uint32Array;
  readonly bodies: Uint32Array;
  readonly pieces: Uint32Array;
  readonly options: Uint32Array;
  readonly octets: Uint8Array;
  readonly expressions: Uint32Array;
  readonly conditions: Uint32Array;
  readonly names: Uint8Array;
  /** In the order of {@link GRAMS}; those without entries are absent. */
  readonly grams: readonly (GramTable | undefined)[];
  /** The same, of patterns for text alone. */
  readonly textGrams: readonly (GramTable | undefined)[];
  /** Sub-signatures that are looked at later. */
  readonly laters: Laters;
  /** Containers that conditions speak of, by number. */
  readonly containers: readonly LayersTest[];
}

const NUMBERS = [
  "signatures",
  "bodies",
  "pieces",
  "options",
  "expressions",
  "conditions",
] as const;

/** The tables in the sections of a module. @throws {PosternError} `"module/damaged"`. */
export function openTables(file: ModuleFile): PatternTables {
  const sections: Record<string, Uint8Array | Uint32Array> = {
    octets: file.octets("octets"),
    names: file.octets("names"),
  };
  for (const name of NUMBERS) sections[name] = file.numbers(name);
  if (file.has("laters")) {
    sections["laters"] = file.numbers("laters");
    sections["laterTexts"] = file.octets("laterTexts");
  }
  for (const { name } of GRAMS) {
    for (const part of ["filter", "starts", "entries"]) {
      for (const section of [`${name}.${part}`, `${TEXT_PREFIX}${name}.${part}`]) {
        if (file.has(section)) sections[section] = file.numbers(section);
      }
    }
  }
  return tablesOf(sections, file.header.words ?? []);
}

/** The tables in sections as the builder makes them. @throws {PosternError} `"module/damaged"`. */
export function tablesOf(sections: ModuleSections, words: readonly string[]): PatternTables {
  const numbers = (name: string): Uint32Array => {
    const section = sections[name];
    if (section instanceof Uint32Array) return section;
    throw damaged(`the section ${name} is missing`);
  };
  const octets = (name: string): Uint8Array => {
    const section = sections[name];
    if (section instanceof Uint8Array) return section;
    throw damaged(`the section ${name} is missing`);
  };
  const gramTables = (prefix: string) =>
    GRAMS.map((way): GramTable | undefined => {
      const name = `${prefix}${way.name}`;
      if (!(`${name}.filter` in sections)) return undefined;
      const { buffer, byteOffset, length } = numbers(`${name}.filter`);
      const filter = new Int32Array(buffer, byteOffset, length);
      const starts = numbers(`${name}.starts`);
      const entries = numbers(`${name}.entries`);
      const filterShift = 27 - Math.log2(filter.length);
      const startShift = 32 - Math.log2(starts.length - 1);
      if (
        !Number.isInteger(filterShift) || !Number.isInteger(startShift) ||
        starts.at(-1) !== entries.length / ENTRY_WORDS
      ) throw damaged(`the grams ${name} do not fit each other`);
      return { octets: way.octets, filter, filterShift, starts, startShift, entries };
    });
  const tables: PatternTables = {
    signatures: numbers("signatures"),
    bodies: numbers("bodies"),
    pieces: numbers("pieces"),
    options: numbers("options"),
    octets: octets("octets"),
    expressions: numbers("expressions"),
    conditions: numbers("conditions"),
    names: octets("names"),
    grams: gramTables(""),
    textGrams: gramTables(TEXT_PREFIX),
    laters: latersOf(sections),
    containers: words.map((word) => new LayersTest(word)),
  };
  checkPlaces(tables);
  return tables;
}

function latersOf({ laters, laterTexts }: ModuleSections): Laters {
  if (!(laters instanceof Uint32Array) || !(laterTexts instanceof Uint8Array)) {
    return new Laters(new Uint32Array(0), new Uint8Array(0));
  }
  if (laters.length % LATER_WORDS !== 0) throw damaged("its sub-signatures are cut off");
  return new Laters(laters, laterTexts);
}

/** Every place that is followed without looking lies within its array; reads past an end would be zeros, not faults. */
function checkPlaces({ signatures, bodies, pieces, octets, options }: PatternTables): void {
  const fits = signatures.length % SIGNATURE.words === 0 && bodies.length % BODY.words === 0 &&
    pieces.length % PIECE.words === 0 && options.length % 2 === 0;
  if (!fits) throw damaged("its patterns are cut off");
  const signatureCount = signatures.length / SIGNATURE.words;
  const pieceCount = pieces.length / PIECE.words;
  for (let at = 0; at < bodies.length; at += BODY.words) {
    const end = (bodies[at] ?? 0) + ((bodies[at + BODY.pieces] ?? 0) & ~FOLDED_BIT);
    if (end > pieceCount || (bodies[at + BODY.signature] ?? 0) >= signatureCount) {
      throw damaged("a pattern points outside of it");
    }
  }
  for (let at = 0; at < pieces.length; at += PIECE.words) {
    const kind = (pieces[at] ?? 0) & 0xff;
    const from = pieces[at + 1] ?? 0;
    const count = pieces[at + 2] ?? 0;
    if (kind === PIECE.run && from + count > octets.length) {
      throw damaged("a pattern points outside of it");
    }
    if (kind === PIECE.choice && (from + count) * 2 > options.length) {
      throw damaged("a pattern points outside of it");
    }
  }
}
