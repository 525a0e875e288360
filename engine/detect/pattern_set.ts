/**
 * Searches for many patterns at once.
 *
 * Of each pattern one window of seven fixed octets is chosen, the rarest it has. Whatever its place, such a window holds one
 * four-octet group that is aligned in memory, so only every fourth place is looked at: one load, one multiplication, two bits of a
 * word of a filter. Only where the bit is set a hash table names the patterns, and these are verified. The cost for clean data does not
 * grow with the number of patterns until the filter leaves the cache. Patterns whose longest fixed run has two to six octets
 * are looked for at every place, by filters of their own that are skipped when there are none.
 */
import { isTarget, isTextTarget } from "./clamav_types.ts";
import { MAX_MATCHES } from "./limits.ts";
import { holds } from "./logical_expression.ts";
import { LaterSearch } from "./later/later_search.ts";
import { type RegexSubsignature, type RegexWindow, windowOf } from "./later/regex_subsignature.ts";
import type { ModuleFile } from "./module_file.ts";
import { type BytePattern, LOWER, OFFSET_KINDS } from "./pattern.ts";
import { PatternBuilder } from "./pattern_builder.ts";
import {
  BODY,
  CONDITION,
  ENTRY_WORDS,
  type GramTable,
  MULTIPLIER,
  NEAR_BIT,
  NEAR_FOLDED_BIT,
  NEAR_OCTETS,
  openTables,
  type PatternTables,
  SECOND_SHIFT,
  SEVERITIES,
  SIGNATURE,
  tablesOf,
} from "./pattern_tables.ts";
import { normalText } from "./text_normal.ts";
import { Verifier } from "./pattern_verifier.ts";
import { type ProgramLayout, programLayout } from "./program_layout.ts";

/** A pattern that was found. */
export interface PatternMatch {
  readonly pattern: Pick<BytePattern, "name" | "severity">;
  /** Where it starts. */
  readonly offset: number;
}

/** What a search gives. */
export interface PatternMatches {
  /** Each pattern at most once, at its first place. */
  readonly matches: readonly PatternMatch[];
  /** Whether any pattern's octets were there at all, even of a wrong place or type. If not, no part of these octets can match. */
  readonly touched: boolean;
  /** The content was made to cost too much, and was not searched to its end. */
  readonly exhausted: boolean;
}

/** What is known of a content besides its octets. */
export interface SearchContext {
  /** Types of what it lies in, the outermost first: `message>zip`. */
  readonly container?: string;
  /** The octets lie in what was searched, and no pattern's octets were there: only the normal form of text is left to search. */
  readonly searched?: boolean;
}

const NO_MATCHES: PatternMatches = { matches: [], touched: false, exhausted: false };

/** A set of patterns, made once, searched often. */
export class PatternSet {
  readonly #tables: PatternTables;
  /** Whether any signature is for text in its normal form. */
  readonly #hasText: boolean;
  /** Patterns that this search cannot look for, with the reason. */
  readonly rejected: readonly { readonly name: string; readonly why: string }[];

  constructor(patterns: readonly BytePattern[] | PatternTables) {
    if (!isList(patterns)) {
      this.#tables = patterns;
      this.#hasText = hasTextTarget(patterns);
      this.rejected = [];
      return;
    }
    const builder = new PatternBuilder();
    this.rejected = patterns.flatMap((pattern) => {
      const why = builder.add(pattern);
      return why === undefined ? [] : [{ name: pattern.name, why }];
    });
    const { sections, words } = builder.build();
    this.#tables = tablesOf(sections, words);
    this.#hasText = hasTextTarget(this.#tables);
  }

  /** The set of a module. @throws {PosternError} `"module/damaged"`. */
  static open(file: ModuleFile): PatternSet {
    return new PatternSet(openTables(file));
  }

  /** Number of signatures that are looked for. */
  get size(): number {
    return this.#tables.signatures.length / SIGNATURE.words;
  }

  /**
   * Finds every pattern of the set in `octets`.
   *
   * @param type Type of the content, for patterns that are for some types only.
   */
  search(octets: Uint8Array, type: string, context: SearchContext = {}): PatternMatches {
    const { grams, textGrams } = this.#tables;
    const found = context.searched
      ? NO_MATCHES
      : search(new Search(this.#tables, octets, type, context), grams);
    if (!this.#hasText || !(isTarget(3, type) || isTarget(7, type))) return found;
    const normal = normalText(octets);
    if (!normal) return found;
    const more = search(
      new Search(this.#tables, normal, type, { ...context, normal: true }),
      textGrams,
    );
    const names = new Set(found.matches.map(({ pattern }) => pattern.name));
    return {
      matches: [
        ...found.matches,
        ...more.matches.filter((match) => !names.has(match.pattern.name)),
      ],
      touched: found.touched,
      exhausted: found.exhausted || more.exhausted,
    };
  }
}

function search(search: Search, tables: PatternTables["grams"]): PatternMatches {
  const [aligned, ...others] = tables;
  if (aligned) search.aligned(aligned);
  for (const table of others) if (table) search.everywhere(table);
  return search.result();
}

function hasTextTarget({ signatures }: PatternTables): boolean {
  for (let at = 0; at < signatures.length; at += SIGNATURE.words) {
    if (isTextTarget(((signatures[at + SIGNATURE.flags] ?? 0) >>> 8) & 0xff)) return true;
  }
  return false;
}

function isList(
  patterns: readonly BytePattern[] | PatternTables,
): patterns is readonly BytePattern[] {
  return Array.isArray(patterns);
}

/**
 * The place of the next word from `from` on that the filter lets through; the number of words where there is none. By itself,
 * since what is done with a hit would keep the compiler from making the most of this loop.
 */
function nextHit(words: Int32Array, { filter, filterShift }: GramTable, from: number): number {
  const count = words.length;
  const wordShift = filterShift + 5;
  for (let i = from; i < count; i++) {
    const product = Math.imul(words[i] ?? 0, MULTIPLIER);
    const bits = filter[product >>> wordShift] ?? 0;
    if ((bits >>> (product >>> filterShift)) & (bits >>> (product >>> SECOND_SHIFT)) & 1) return i;
  }
  return count;
}

/** What was found of a logical signature. */
interface Counted {
  /** First place. */
  readonly at: number;
  /** How often each sub-signature is there. */
  readonly counts: Uint32Array;
  /** Last place of each, where anything asks for it. */
  readonly last?: Float64Array;
}

/** The same of grams that are looked for at every octet. */
function nextShortHit(
  octets: Uint8Array,
  { filter, filterShift, octets: length }: GramTable,
  from: number,
): number {
  const wordShift = filterShift + 5;
  const shift = 8 * (length - 1);
  let word = 0;
  for (let i = 0; i < length - 1; i++) word |= (octets[from + i] ?? 0) << (8 * (i + 1));
  for (let at = from, end = octets.length - length; at <= end; at++) {
    word = (word >>> 8) | ((octets[at + length - 1] ?? 0) << shift);
    const product = Math.imul(word, MULTIPLIER);
    const bits = filter[product >>> wordShift] ?? 0;
    if ((bits >>> (product >>> filterShift)) & (bits >>> (product >>> SECOND_SHIFT)) & 1) return at;
  }
  return octets.length;
}

/** One search. */
class Search {
  readonly #tables: PatternTables;
  readonly #octets: Uint8Array;
  readonly #type: string;
  readonly #context: SearchContext & { readonly normal?: boolean };
  readonly #verifier: Verifier;
  /** First place of each signature of one pattern. */
  readonly #hits = new Map<number, number>();
  /** Of logical signatures the first place and how often each sub-signature is there. */
  readonly #counts = new Map<number, Counted>();
  #touched = false;
  #layout: ProgramLayout | undefined | null = null;

  /** @param context `normal`: the octets are a text in its normal form; signatures for other targets are not looked for. */
  constructor(
    tables: PatternTables,
    octets: Uint8Array,
    type: string,
    context: SearchContext & { readonly normal?: boolean },
  ) {
    this.#tables = tables;
    this.#octets = octets;
    this.#type = type;
    this.#context = context;
    this.#verifier = new Verifier(tables, octets);
  }

  aligned(table: GramTable): void {
    const octets = this.#octets;
    const lead = (4 - octets.byteOffset % 4) % 4;
    const count = (octets.length - lead) >> 2;
    if (count <= 0) return;
    const words = new Int32Array(octets.buffer, octets.byteOffset + lead, count);
    for (let i = nextHit(words, table, 0); i < count; i = nextHit(words, table, i + 1)) {
      this.#candidates(table, (words[i] ?? 0) >>> 0, lead + (i << 2));
      if (this.#verifier.exhausted) return;
    }
  }

  everywhere(table: GramTable): void {
    const octets = this.#octets;
    const end = octets.length;
    for (
      let at = nextShortHit(octets, table, 0);
      at < end;
      at = nextShortHit(octets, table, at + 1)
    ) {
      let word = 0;
      for (let i = 0; i < table.octets; i++) word |= (octets[at + i] ?? 0) << (8 * i);
      this.#candidates(table, word >>> 0, at);
      if (this.#verifier.exhausted) return;
    }
  }

  result(): PatternMatches {
    const { exhausted, failedAtEdge } = this.#verifier;
    if (!this.#touched && !exhausted && !failedAtEdge) return NO_MATCHES;
    const matches: PatternMatch[] = [];
    for (const [signature, offset] of this.#hits) matches.push(this.#match(signature, offset));
    const later = new LaterSearch(this.#octets, (sub) => this.#windowOf(sub));
    for (const [signature, { at, counts, last }] of this.#counts) {
      if (last) later.count(this.#tables.laters.of(signature), counts, last);
      const word = signature * SIGNATURE.words;
      const { signatures, expressions } = this.#tables;
      const start = signatures[word + SIGNATURE.expression] ?? 0;
      const length = signatures[word + SIGNATURE.expressionWords] ?? 0;
      if (!holds(expressions.subarray(start, start + length), counts)) continue;
      if (this.#agrees(signatures[word + SIGNATURE.condition] ?? 0)) {
        matches.push(this.#match(signature, at));
      }
    }
    return { matches, touched: true, exhausted: exhausted || later.exhausted };
  }

  #match(signature: number, offset: number): PatternMatch {
    const { signatures, names } = this.#tables;
    const word = signature * SIGNATURE.words;
    const at = signatures[word] ?? 0;
    const octets = names.subarray(at + 1, at + 1 + (names[at] ?? 0));
    const severity = SEVERITIES[(signatures[word + SIGNATURE.flags] ?? 0) & 0xff] ?? "infected";
    return { pattern: { name: new TextDecoder().decode(octets), severity }, offset };
  }

  #candidates({ starts, startShift, entries }: GramTable, gram: number, at: number): void {
    const slot = Math.imul(gram, MULTIPLIER) >>> startShift;
    const end = (starts[slot + 1] ?? 0) * ENTRY_WORDS;
    for (let entry = (starts[slot] ?? 0) * ENTRY_WORDS; entry < end; entry += ENTRY_WORDS) {
      if (entries[entry] !== gram || !this.#isNear(entries[entry + 3] ?? 0, at)) continue;
      const place = entries[entry + 2] ?? 0;
      this.#candidate(entries[entry + 1] ?? 0, place >>> 16, at - (place & 0xffff));
    }
  }

  /** Whether the other octets of the window are there. */
  #isNear(near: number, at: number): boolean {
    if ((near & NEAR_BIT) === 0) return true;
    const octets = this.#octets;
    const before = (near >>> 24) & 3;
    const start = at - before;
    if (start < 0 || start + 7 > octets.length) return false;
    for (let i = 0; i < NEAR_OCTETS; i++) {
      const octet = octets[i < before ? start + i : start + 4 + i] ?? 0;
      const plain = (near & NEAR_FOLDED_BIT) === 0 ? octet : LOWER[octet];
      if (plain !== ((near >>> (8 * i)) & 0xff)) return false;
    }
    return true;
  }

  #candidate(body: number, piece: number, at: number): void {
    const { bodies, signatures } = this.#tables;
    const signature = bodies[body * BODY.words + BODY.signature] ?? 0;
    if (this.#hits.has(signature)) return;
    const word = signature * SIGNATURE.words;
    const target = ((signatures[word + SIGNATURE.flags] ?? 0) >>> 8) & 0xff;
    const start = this.#verifier.verify(body, piece, at);
    if (start < 0) return;
    this.#touched = true;
    if (target !== 0 && !isTarget(target, this.#type)) return;
    if (!this.#isInPlace(body, start)) return;
    if (signatures[word + SIGNATURE.expressionWords] === 0) this.#hits.set(signature, start);
    else this.#count(signature, (bodies[body * BODY.words + BODY.place] ?? 0) & 0xff, start);
  }

  #count(signature: number, sub: number, at: number): void {
    let found = this.#counts.get(signature);
    if (!found) {
      const last = this.#tables.laters.has(signature)
        ? { last: new Float64Array(64).fill(-1) }
        : {};
      this.#counts.set(signature, found = { at, counts: new Uint32Array(64), ...last });
    }
    found.counts[sub] = Math.min(MAX_MATCHES, (found.counts[sub] ?? 0) + 1);
    if (found.last) found.last[sub] = Math.max(found.last[sub] ?? -1, at);
  }

  get #program(): ProgramLayout | undefined {
    if (this.#layout === null) this.#layout = programLayout(this.#octets);
    return this.#layout;
  }

  /** Where a regular expression may begin; `undefined` where the content has no such place. */
  #windowOf(sub: RegexSubsignature): RegexWindow | undefined {
    const { length } = this.#octets;
    if (!sub.offset) return { from: 0, to: length, end: length };
    const { from, section, min, max } = sub.offset;
    if (from === "end") return windowOf(sub, length - max, length - min, length);
    const { entryPoint, sections = [] } = from === "start" ? {} : this.#program ?? {};
    const found = from === "lastSection" ? sections.at(-1) : sections[section ?? -1];
    const base = from === "start" ? 0 : from === "entry" ? entryPoint : found?.start;
    if (base === undefined) return undefined;
    if (from === "inSection") return windowOf(sub, base, base + (found?.size ?? 0), length);
    return windowOf(sub, base + min, base + max, length);
  }

  #isInPlace(body: number, start: number): boolean {
    const { bodies } = this.#tables;
    const word = body * BODY.words;
    const place = bodies[word + BODY.place] ?? 0;
    const kind = OFFSET_KINDS[(place >>> 8) & 0xff] ?? "any";
    if (kind === "any") return true;
    const min = (bodies[word + BODY.min] ?? 0) | 0;
    const max = (bodies[word + BODY.max] ?? 0) | 0;
    const isWithin = (distance: number) => distance >= min && distance <= max;
    if (kind === "start") return isWithin(start);
    if (kind === "end") return isWithin(this.#octets.length - start);
    const { entryPoint, sections = [] } = this.#program ?? {};
    if (kind === "entry") return entryPoint !== undefined && isWithin(start - entryPoint);
    const section = kind === "lastSection" ? sections.at(-1) : sections[place >>> 16];
    if (!section) return false;
    const distance = start - section.start;
    return kind === "inSection" ? distance >= 0 && distance < section.size : isWithin(distance);
  }

  #agrees(condition: number): boolean {
    if (condition === 0) return true;
    const { conditions, containers } = this.#tables;
    const at = condition * CONDITION.words;
    const isWithin = (field: number, value: number | undefined) => {
      const min = conditions[at + field] ?? 0;
      const max = conditions[at + field + 1] ?? 0;
      if (min === 0 && max === 0xffffffff) return true;
      return value !== undefined && value >= min && value <= max;
    };
    const container = conditions[at + CONDITION.containers] ?? 0;
    if (container !== 0 && !containers[container]?.holds(this.#context.container)) return false;
    return isWithin(CONDITION.size, this.#octets.length) &&
      isWithin(CONDITION.entry, this.#program?.entryPoint) &&
      isWithin(CONDITION.sections, this.#program?.sections.length);
  }
}
