/** How often groups of octets are to be expected in mail and programs, so that patterns are looked for by rare ones. */
import { COMMON_CODE, COMMON_TEXT } from "./common_grams.ts";

/** How common an octet is, roughly; the higher the worse as a sign. */
const COMMON = new Uint8Array(256).fill(2);
for (let octet = 0x21; octet < 0x7f; octet++) COMMON[octet] = 5;
for (const letter of "etaoinsrhldcum<>=/\"'0123ATEI") COMMON[letter.charCodeAt(0)] = 9;
for (const octet of [0x00, 0x20, 0x0a, 0x0d, 0x09, 0xff, 0x41]) COMMON[octet] = 14;

/** What a gram of one octet repeated costs more: fillings of files are full of it. */
const REPEATED_COST = 4000;
/** A gram in one place of 2^9 costs 2^(20 - 9), and so on. */
const COST_BITS = 20;
/** The n of a gram of four of which one half is known to be common. */
const HALF_COMMON = 15;

/** The n of common groups of three octets, least octet first; made when something is built. */
let levels: Map<number, number> | undefined;

function commonLevels(): Map<number, number> {
  const made = new Map<number, number>();
  const add = (octets: ArrayLike<number>, level: number) => {
    for (let at = 0; at + 3 <= octets.length; at += 3) {
      const group = key(octets, at);
      made.set(group, Math.min(level, made.get(group) ?? level));
    }
  };
  for (const [level, text] of Object.entries(COMMON_TEXT)) {
    add(Uint8Array.from(text, (character) => character.charCodeAt(0)), Number(level));
  }
  for (const [level, hex] of Object.entries(COMMON_CODE)) {
    add((hex.match(/../g) ?? []).map((octet) => parseInt(octet, 16)), Number(level));
  }
  return made;
}

function key(octets: ArrayLike<number>, at: number): number {
  return (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8) | ((octets[at + 2] ?? 0) << 16);
}

/**
 * What a gram costs as a sign: about how often it is there in a million places.
 *
 * @param length Octets of the gram: 2 to 4.
 */
export function gramCost(octets: Uint8Array, at: number, length: number): number {
  levels ??= commonLevels();
  let common = 0;
  let same = REPEATED_COST;
  for (let i = at; i < at + length; i++) {
    common += COMMON[octets[i] ?? 0] ?? 0;
    if (octets[i] !== octets[at]) same = 0;
  }
  if (length < 3) return common + same;
  const first = levels.get(key(octets, at));
  const last = length === 3 ? first : levels.get(key(octets, at + 1));
  if (first === undefined && last === undefined) return common + same;
  const level = first === undefined || last === undefined ? HALF_COMMON : Math.max(first, last);
  return common + same + 2 ** (COST_BITS - level);
}
