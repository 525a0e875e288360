/** Values that stand for all values of an attribute, as far as some sets and ranges can tell them apart. */
import { attributeRow } from "../attributes.ts";
import { ZoneClock } from "../decide/clock.ts";
import { ipWords, parseNetwork, readIp } from "../network.ts";
import { nextUp, NO_LIMIT } from "../compile/ranges.ts";
import type { DecisionTree } from "../tree.ts";
import { type AtomKey, treeSets } from "../tree_keys.ts";

/** Samples, and whether every other value is like one of them. */
export interface Samples<T> {
  readonly values: readonly T[];
  readonly complete: boolean;
}

/** A set of a tree. */
export interface SetRef {
  readonly tree: DecisionTree;
  readonly atom: number;
}

/** Most keys that samples are made of. */
const MAX_KEYS = 2000;

/** Keys of sets; `all` is false where there are too many. */
function keysOf(sets: readonly SetRef[]): { keys: AtomKey[]; all: boolean } {
  const keys: AtomKey[] = [];
  let all = true;
  for (const { tree, atom } of sets) {
    const mine = treeSets(tree).all(atom);
    if (mine.length > MAX_KEYS) all = false;
    keys.push(...mine.slice(0, MAX_KEYS));
  }
  return { keys, all };
}

/** A domain and a name that no document has. */
const ELSEWHERE = "elsewhere.invalid";

/** Addresses that sets of addresses tell apart. */
export function addressSamples(sets: readonly SetRef[]): Samples<string> {
  const { keys, all } = keysOf(sets);
  const values = new Set<string>();
  const domains = new Set<string>();
  for (const { place, key } of keys) {
    if (place === "domains") domains.add(key);
    else if (place === "suffixes") domains.add(`some${key}`);
    else {
      values.add(key);
      const at = key.lastIndexOf("@");
      if (at >= 0) domains.add(key.slice(at + 1));
    }
  }
  for (const domain of domains) values.add(`someone@${domain}`);
  values.add(`someone@${ELSEWHERE}`);
  values.add("");
  return { values: [...values], complete: all };
}

/** Addresses of clients at both sides of every network's ends. */
export function clientSamples(sets: readonly SetRef[]): Samples<string> {
  const { keys, all } = keysOf(sets);
  const values = new Set<string>(["203.0.113.77", "3fff::77"]);
  for (const { key } of keys) {
    const network = parseNetwork(key);
    if (!network) continue;
    const width = network.family === 4 ? 32n : 128n;
    let first = 0n;
    for (let w = 0; w < Number(width) / 32; w++) first = (first << 32n) | BigInt(network.words[w]!);
    const size = 1n << (width - BigInt(network.bits));
    for (const address of [first, first + 1n, first + size - 1n, first - 1n, first + size]) {
      if (address >= 0n && address < 1n << width) values.add(addressText(address, network.family));
    }
  }
  return { values: [...values], complete: all };
}

function addressText(address: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join(".");
  const text = Array.from(
    { length: 8 },
    (_, i) => ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  ).join(":");
  // Only what is read back as the same address is one (a mapped one is IPv4).
  return readIp(text) === 6 && ipWords.length === 4 ? text : "3fff::77";
}

/** Texts that sets of texts tell apart; not every text is like one of them where there are globs. */
export function textSamples(sets: readonly SetRef[]): Samples<string> {
  const { keys, all } = keysOf(sets);
  const values = new Set<string>(["something"]);
  const globs = keys.filter(({ place }) => place === "globs").map(({ key }) => key);
  for (const { place, key } of keys) {
    if (place === "exact") values.add(key);
    else if (place === "suffixes") values.add(`some${key}`);
  }
  const cores = [
    "",
    "x",
    ...globs.slice(0, 12).map((glob) => filled(glob, "")),
    ...keys.filter(({ place }) => place === "exact" || place === "suffixes").slice(0, 12).map((
      { key },
    ) => key),
  ];
  for (const glob of globs.slice(0, 200)) for (const core of cores) values.add(filled(glob, core));
  // What several globs have in common: the begin of one, the end of another, and between them what others want anywhere.
  const few = globs.slice(0, 12);
  const middles = few.flatMap((glob) => glob.split("*").slice(1, -1)).map((text) =>
    filled(text, "")
  ).join("");
  for (
    const begin of [
      "",
      ...few.map((glob) => filled(glob.slice(0, Math.max(0, glob.indexOf("*"))), "")),
    ]
  ) {
    for (
      const end of [
        "",
        ...few.map((glob) => filled(glob.slice(glob.lastIndexOf("*") + 1), "")),
      ]
    ) {
      values.add(begin + end);
      values.add(begin + middles + end);
    }
  }
  return { values: [...values], complete: all && globs.length === 0 };
}

function filled(glob: string, core: string): string {
  return glob.replaceAll("*", core).replaceAll("?", "x");
}

/** Numbers at both sides of every bound. */
export function numberSamples(
  ranges: readonly (readonly [from: number, below: number])[],
  attribute: string,
): Samples<number> {
  const whole = attribute !== "spamScore";
  const values = new Set<number>();
  for (const bound of ranges.flat()) {
    if (Math.abs(bound) >= NO_LIMIT) continue;
    for (
      const value of whole
        ? [Math.ceil(bound), Math.ceil(bound) - 1]
        : [bound, bound - 0.001, -nextUp(-bound)]
    ) {
      if (!whole || value >= 0) values.add(value);
    }
  }
  values.add(0);
  return { values: [...values], complete: true };
}

/** Times in the week from `start` on at which the minute of the week is a bound in some zone, or is one less. */
export function timeSamples(
  asked: readonly {
    readonly zone: string;
    readonly ranges: readonly (readonly [number, number])[];
  }[],
  start: number,
): Samples<number> {
  const values = new Set<number>();
  const zones = new Set(asked.map(({ zone }) => zone));
  for (const zone of zones) {
    const clock = new ZoneClock(zone);
    const bounds = new Set(
      asked.filter((one) => one.zone === zone).flatMap(({ ranges }) =>
        ranges.flat().flatMap((bound) => [bound % 10080, (bound + 10079) % 10080])
      ),
    );
    const first = Math.floor(start / 900_000) * 900_000;
    for (let quarter = 0; quarter < 7 * 96; quarter++) {
      const time = first + quarter * 900_000;
      const minute = clock.minuteOfWeek(time);
      for (const bound of bounds) {
        if (bound >= minute && bound < minute + 15) values.add(time + (bound - minute) * 60_000);
      }
    }
  }
  // Zones shift against each other over the year; one alone shows all it can in a week.
  return { values: [...values], complete: zones.size === 1 };
}

/** Values of an enumeration, and one that it does not know where it is open. */
export function enumSamples(attribute: string): Samples<string> {
  const { row } = attributeRow(attribute);
  return { values: "values" in row ? row.values ?? [] : [], complete: true };
}
