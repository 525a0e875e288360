/** Runs one unpacker the way the walk does, for tests. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Budget } from "../../budget.ts";
import type { NotScannedReason, ScanLimits } from "../../types.ts";
import { Passwords } from "../passwords.ts";
import type { Entry, Tools, Unpacker } from "../unpacker.ts";
import { WIDE_LIMITS } from "../../../tests/scan_settings.ts";

const LIMITS = { ...WIDE_LIMITS, octets: 1e7 };

/** What an unpacker gave. */
export interface Opened {
  readonly entries: readonly Entry[];
  /** Said of the container as a whole. */
  readonly notes: readonly NotScannedReason[];
  readonly breaches: readonly NotScannedReason[];
}

/** What a test may set. */
export interface OpenOptions {
  readonly limits?: Partial<ScanLimits>;
  readonly passwords?: readonly string[];
  readonly names?: readonly string[];
  readonly tools?: Tools;
}

/** Unpacks to the end. */
export function openAll(
  unpacker: Unpacker,
  octets: Uint8Array,
  { limits = {}, passwords = [], names = [], tools = {} }: OpenOptions = {},
): Opened {
  const budget = new Budget({ ...LIMITS, ...limits });
  const notes: NotScannedReason[] = [];
  const note = (reason: NotScannedReason) => {
    notes.push(reason);
    budget.breach(reason);
  };
  const context = { budget, tools, passwords: new Passwords(passwords), names, note };
  const entries = [...unpacker(octets, context)];
  return { entries, notes, breaches: budget.breaches };
}

/** First name and text of each entry, with the reason where it is not whole. */
export function contentsOf({ entries }: Opened): readonly (readonly [string, string, string?])[] {
  return entries.map(({ names: [name = ""], content, notScanned }) => {
    const text = new TextDecoder("latin1").decode(content ?? new Uint8Array(0));
    return notScanned === undefined ? [name, text] : [name, text, notScanned];
  });
}

/** Octets of hexadecimal digits; blanks between them are for people. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(
    digits.replace(/\s/g, "").match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}

/**
 * Cuts a container at every octet: each time what comes out of an entry is a beginning of what the whole gives under its name, and
 * that something is missing is said.
 *
 * @param options.whole How many octets the container needs; behind them cuts change nothing. All by default.
 * @param options.from Shorter ones are not told as such a container at all. 0 by default.
 * @param options.step Every so many octets. 1 by default.
 */
export function checkCuts(
  unpacker: Unpacker,
  container: Uint8Array,
  options: OpenOptions & {
    readonly whole?: number;
    readonly from?: number;
    readonly step?: number;
  } = {},
): void {
  const all = openAll(unpacker, container, options).entries;
  const { whole = container.length, from = 0, step = 1 } = options;
  for (let cut = from; cut < whole; cut += step) {
    const { entries, breaches } = openAll(unpacker, container.subarray(0, cut), options);
    assert.ok(breaches.length > 0, `cut at ${cut}: nothing is said`);
    for (const { content = new Uint8Array(0), notScanned } of entries) {
      if (notScanned !== undefined) continue;
      assert.ok(
        all.some((entry) =>
          entry.content?.length === content.length &&
          entry.content.every((octet, i) => octet === content[i])
        ),
        `cut at ${cut}: an entry that is called whole is not`,
      );
    }
  }
}

/** Files of the corpus, where it is there. */
export function corpusFiles(...paths: readonly string[]): readonly Uint8Array[] {
  return paths.flatMap((path) => {
    try {
      return [Deno.readFileSync(new URL(`../../../../shared/corpus/${path}`, import.meta.url))];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

/** Any octets, and damaged seeds: nothing is thrown, and what comes out stays within the limit. */
export function checkAnyOctets(
  unpacker: Unpacker,
  seeds: readonly Uint8Array[],
  options: OpenOptions = {},
): void {
  const most = 50_000;
  const changed = fc.tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
    fc.nat(),
  ).map(([seed, changes, cut]) => {
    const octets = seed.slice();
    for (const [place, octet] of changes) octets[place % octets.length] = octet;
    return cut % 3 === 0 ? octets.subarray(0, cut % octets.length) : octets;
  });
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 600 })), (octets) => {
      const limits = { ...options.limits, octets: most };
      for (
        const { content, notScanned } of openAll(unpacker, octets, { ...options, limits }).entries
      ) {
        // what is cut out of the input costs no memory; what is made does
        if (content && content.buffer !== octets.buffer) {
          assert.ok(content.length <= most + octets.length);
        }
        if (!content) assert.ok(notScanned);
      }
    }),
    { numRuns: 300 },
  );
}

/** One number after the other, little-endian: value and width in octets. */
export function numbers(
  ...fields: readonly (readonly [value: number, octets: number])[]
): Uint8Array {
  const octets: number[] = [];
  for (const [value, width] of fields) {
    for (let i = 0; i < width; i++) octets.push(Math.floor(value / 256 ** i) & 255);
  }
  return Uint8Array.from(octets);
}

/** One octet for each character. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Octets of base64. */
export function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
