/**
 * Says of most contents that no rule can match them, for a small part of what running the rules costs. It may say too often that
 * one might; it never says too rarely: where a rule can match without one of its strings, or has strings that are not understood,
 * everything is run.
 */
import { lowerCase, parsePattern, type Subpattern, widen } from "../pattern.ts";
import { PatternBuilder } from "../pattern_builder.ts";
import { PatternSet } from "../pattern_set.ts";
import { tablesOf } from "../pattern_tables.ts";
import { readRules, type RuleString, type RuleText } from "./rule_text.ts";

const FILTERABLE = new Set(["ascii", "wide", "nocase", "fullword", "private"]);

/** The ways to write a string; `undefined` where it cannot be looked for. */
function waysOf({ kind, value, modifiers }: RuleString): readonly Subpattern[] | undefined {
  if (kind === "expression" || !modifiers.every((one) => FILTERABLE.has(one))) return undefined;
  const hex = kind === "hex"
    ? value.replace(/\s/g, "").replace(/\[-\]/g, "*").replace(/\[(\d*-?\d*)\]/g, "{$1}")
    : Array.from(value, (octet) => octet.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const pieces = parsePattern(hex);
  if (typeof pieces === "string" || hex.includes("~")) return undefined;
  const folded = modifiers.includes("nocase");
  const cased = folded ? lowerCase(pieces) : pieces;
  const isWide = modifiers.includes("wide");
  return [
    ...(isWide ? [widen(cased)] : []),
    ...(!isWide || modifiers.includes("ascii") ? [cased] : []),
  ].map((pieces) => ({ pieces, ...(folded ? { folded } : {}) }));
}

/** Parts of an expression between the words `word` that stand in no parentheses. */
function split(tokens: readonly string[], word: string): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === "(" || token === "[") depth++;
    if (token === ")" || token === "]") depth--;
    if (depth === 0 && token === word) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Whether one pair of parentheses is around it all. */
function isEnclosed(tokens: readonly string[]): boolean {
  if (tokens[0] !== "(" || tokens.at(-1) !== ")") return false;
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (token === "(") depth++;
    if (token === ")" && --depth === 0) return i === tokens.length - 1;
  }
  return false;
}

/** Whether a rule cannot match where none of the strings is that can be looked for. */
function needsString(
  tokens: readonly string[],
  canFind: (name: string) => boolean,
  rules: ReadonlyMap<string, boolean>,
): boolean {
  if (tokens.length === 0 || tokens.includes("for") || tokens.includes("with")) return false;
  if (isEnclosed(tokens)) return needsString(tokens.slice(1, -1), canFind, rules);
  const choices = split(tokens, "or");
  if (choices.length > 1) return choices.every((one) => needsString(one, canFind, rules));
  const parts = split(tokens, "and");
  if (parts.length > 1) return parts.some((one) => needsString(one, canFind, rules));
  const [first = "", second, ...rest] = tokens;
  if (/^\$\w+$/.test(first)) {
    return canFind(first) && (second === undefined || second === "at" || second === "in");
  }
  if (tokens.length === 1) return rules.get(first) ?? false;
  const isSome = first === "any" || first === "all" || /^[1-9]\d*$/.test(first);
  if (!isSome || second !== "of") return false;
  if (rest.length === 1 && rest[0] === "them") return canFind("$*");
  if (!isEnclosed(rest)) return false;
  const names = rest.slice(1, -1).filter((token) => token !== ",");
  return names.length > 0 && names.every((name) => name.startsWith("$") && canFind(name));
}

/** A filter for the rules of some sources. */
export class Prefilter {
  /** Why everything is run, if so: the name of a rule, or of none. */
  readonly always: string | undefined;
  readonly #patterns: PatternSet;

  constructor(sources: readonly string[]) {
    const builder = new PatternBuilder();
    let always: string | undefined;
    for (const source of sources) {
      const rules = readRules(source);
      if (!rules) always ??= "a source that is not understood";
      const known = new Map<string, boolean>();
      for (const rule of rules ?? []) {
        const needs = addRule(rule, builder, known);
        known.set(rule.name, needs);
        if (!needs) always ??= rule.name;
      }
    }
    this.always = always;
    const { sections, words } = builder.build();
    this.#patterns = new PatternSet(tablesOf(sections, words));
  }

  /** Whether a rule might match. */
  mayMatch(octets: Uint8Array): boolean {
    if (this.always !== undefined) return true;
    const { touched, exhausted } = this.#patterns.search(octets, "");
    return touched || exhausted;
  }
}

/** Adds the strings of a rule. */
function addRule(
  { name, strings, condition }: RuleText,
  builder: PatternBuilder,
  rules: ReadonlyMap<string, boolean>,
): boolean {
  const found = new Map<string, boolean>();
  for (const [index, string] of strings.entries()) {
    const ways = waysOf(string);
    const isAdded = ways !== undefined &&
      ways.every((way) => builder.add({ ...way, name, severity: "infected" }) === undefined);
    found.set(string.name === "$" ? `$#${index}` : string.name, isAdded);
  }
  const canFind = (asked: string) => {
    const matching = asked.endsWith("*")
      ? Array.from(found).filter(([one]) => one.startsWith(asked.slice(0, -1)))
      : Array.from(found).filter(([one]) => one === asked);
    return matching.length > 0 && matching.every(([, isAdded]) => isAdded);
  };
  return needsString(condition, canFind, rules);
}
