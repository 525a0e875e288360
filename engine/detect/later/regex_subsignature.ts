/**
 * Sub-signatures that are regular expressions: `[offset:]trigger/expression/flags`. They are looked for once the octets of others
 * were found.
 *
 * @see ClamAV documentation, "PCRE subsignatures"
 */
import { MAX_REGEX_MATCHES } from "../limits.ts";
import { parseExpression } from "../logical_expression.ts";
import type { PatternOffset } from "../pattern.ts";
import { RegexMatcher, type Steps } from "./regex_matcher.ts";
import { parseRegex, type RegexFlags } from "./regex_parser.ts";

/** Such a sub-signature, read. */
export interface RegexSubsignature {
  readonly kind: "regex";
  /** Expression over other sub-signatures, in flat form: what has to hold before this is looked for. */
  readonly trigger: readonly number[];
  readonly regex: RegexMatcher;
  /** Every match counts. */
  readonly all: boolean;
  /** Where a match may begin; absent: anywhere. */
  readonly offset?: PatternOffset;
  /** May begin at any place from the offset on. */
  readonly rolling: boolean;
  /** A match has to lie within offset and shift whole. */
  readonly within: boolean;
  /** Only at the first place. */
  readonly anchored: boolean;
}

const FORM = /^(?:([^/:]*):)?([^/:]*)\/([^]*)\/([a-zA-Z]*)$/;

/** Whether a sub-signature is of this kind. */
export function isRegex(text: string): boolean {
  return text.includes("/");
}

/**
 * Reads such a sub-signature; a few words where something in it is not supported.
 *
 * @param parseOffset Reads a place; a few words where it cannot be.
 */
export function parseRegexSubsignature(
  text: string,
  parseOffset: (text: string) => PatternOffset | string | undefined,
): RegexSubsignature | string {
  const [, place = "*", logic = "", body = "", letters = ""] = FORM.exec(text) ?? [];
  const offset = parseOffset(place === "" ? "*" : place);
  if (typeof offset === "string") return offset;
  const trigger = parseExpression(logic);
  if (!trigger) return "a regular expression without a trigger";
  if (/[^gresimxAEU]/.test(letters)) return "a regular expression with an unknown flag";
  const has = (letter: string) => letters.includes(letter);
  const flags: RegexFlags = {
    folded: has("i"),
    dotAll: has("s"),
    lines: has("m"),
    extended: has("x"),
    dollarEnd: has("E"),
    lazy: has("U"),
  };
  const regex = parseRegex(body.replaceAll("\\/", "/"), flags);
  if (typeof regex === "string") return regex;
  return {
    kind: "regex",
    trigger,
    regex: new RegexMatcher(regex),
    all: has("g"),
    ...(offset ? { offset } : {}),
    rolling: has("r"),
    within: has("e"),
    anchored: has("A"),
  };
}

/** Where a match may begin, and what of the content it sees. */
export interface RegexWindow {
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

/**
 * The window of a sub-signature with a place.
 *
 * @param first Where the place begins, and `last` where its shift ends.
 */
export function windowOf(
  { rolling, within }: RegexSubsignature,
  first: number,
  last: number,
  length: number,
): RegexWindow {
  const from = Math.max(0, first);
  if (last > first) return { from, to: last, end: within ? Math.min(length, last) : length };
  return { from, to: rolling ? length : from, end: length };
}

/**
 * How often it matches: once at most, unless all matches count.
 *
 * @throws {OutOfSteps}
 */
export function countMatches(
  { regex, all, anchored }: RegexSubsignature,
  octets: Uint8Array,
  { from, to, end }: RegexWindow,
  steps: Steps,
): number {
  // What is before the place is not there for the expression, as ClamAV has it.
  const seen = octets.subarray(from, end);
  const last = to - from;
  let count = 0;
  for (let at = 0; at <= last;) {
    const found = regex.find(seen, at, anchored ? at : last, steps);
    if (!found) return count;
    count++;
    if (!all || count >= MAX_REGEX_MATCHES) return count;
    at = found.end > found.start ? found.end : found.start + 1;
  }
  return count;
}
