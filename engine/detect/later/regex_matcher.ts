/**
 * Matches regular expressions by backtracking, over octets, in a bounded number of steps: what an expression may cost on content that
 * was made for it is known before, and what is over is said.
 */
import { MAX_REGEX_DEPTH } from "../limits.ts";
import { LOWER } from "../pattern.ts";
import { type Regex, type RegexNode, type RegexPlace, widthOf } from "./regex_parser.ts";

/** Steps that are left for a content; all of its expressions share them. */
export interface Steps {
  left: number;
}

/** Thrown where there are none left. */
export class OutOfSteps extends Error {}

/** Where a match is. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
}

/** What is being matched. */
interface State {
  readonly octets: Uint8Array;
  readonly end: number;
  readonly steps: Steps;
  /** Start and end of each group; -1 where it has matched nothing. */
  readonly groups: Int32Array;
  depth: number;
}

/** Goes on behind a piece; where the whole ends, or -1. */
type Next = (at: number) => number;
type Matcher = (state: State, at: number, next: Next) => number;

const NEWLINE = 10;
/** Nested calls: each takes several frames of the stack. */
const MAX_CALLS = 1000;
/** Places where an expression cannot begin cost a part of a step. */
const STARTS_PER_STEP = 16;
/** The same where they are skipped natively. */
const NATIVE_PER_STEP = 256;

/** An expression, made ready. */
export class RegexMatcher {
  readonly #match: Matcher;
  readonly #groups: number;
  /** Octets that a match can begin with; absent where it may be empty. */
  readonly #first: Uint8Array | undefined;
  /** The one octet that every match begins with. */
  readonly #only: number | undefined;

  constructor({ node, groups }: Regex) {
    this.#match = compile(node);
    this.#groups = groups;
    this.#first = firstOf(node);
    const only = this.#first?.indexOf(1);
    this.#only = only !== undefined && this.#first?.indexOf(1, only + 1) === -1 ? only : undefined;
  }

  /**
   * The first match that begins between two places, both included.
   *
   * @throws {OutOfSteps}
   */
  find(octets: Uint8Array, from: number, to: number, steps: Steps): RegexMatch | undefined {
    const end = octets.length;
    const groups = new Int32Array(2 * (this.#groups + 1));
    const state: State = { octets, end, steps, groups, depth: 0 };
    for (let start = from;; start++) {
      start = this.#nextStart(octets, start, Math.min(to, end), steps);
      if (start < 0) return undefined;
      step(steps);
      groups.fill(-1);
      const found = this.#matchAt(state, start);
      if (found >= 0) return { start, end: found };
    }
  }

  /** The next place where a match could begin; -1 where there is none. */
  #nextStart(octets: Uint8Array, from: number, to: number, steps: Steps): number {
    const first = this.#first;
    if (!first) return from <= to ? from : -1;
    let at = from;
    if (this.#only !== undefined) {
      at = octets.indexOf(this.#only, from);
      if (at < 0) at = octets.length;
      spend(steps, (at - from) / NATIVE_PER_STEP);
    } else {
      while (at < octets.length && at <= to && !first[octets[at] ?? 0]) at++;
      spend(steps, (at - from) / STARTS_PER_STEP);
    }
    return at < octets.length && at <= to ? at : -1;
  }

  #matchAt(state: State, start: number): number {
    try {
      return this.#match(state, start, (at) => at);
    } catch (error) {
      // An expression of very many pieces: the stack is as much a bound as the steps are.
      throw error instanceof RangeError ? new OutOfSteps() : error;
    }
  }
}

function spend(steps: Steps, count: number): void {
  if ((steps.left -= count) < 0) throw new OutOfSteps();
}

function step(steps: Steps): void {
  if (--steps.left < 0) throw new OutOfSteps();
}

function compile(node: RegexNode): Matcher {
  switch (node.kind) {
    case "octet": {
      const { set } = node;
      return ({ octets, end }, at, next) => at < end && set[octets[at] ?? 0] ? next(at + 1) : -1;
    }
    case "place":
      return (state, at, next) => isAt(node.place, state, at) ? next(at) : -1;
    case "sequence":
      return sequence(parts(node.nodes));
    case "choice": {
      const choices = node.nodes.map(compile);
      return (state, at, next) => {
        for (const choice of choices) {
          step(state.steps);
          const end = choice(state, at, next);
          if (end >= 0) return end;
        }
        return -1;
      };
    }
    case "group": {
      const inner = compile(node.node);
      const { number } = node;
      return number === undefined ? inner : (state, at, next) => {
        const { groups } = state;
        const [start = -1, end = -1] = [groups[2 * number], groups[2 * number + 1]];
        const found = inner(state, at, (to) => {
          const [start = -1, end = -1] = [groups[2 * number], groups[2 * number + 1]];
          groups[2 * number] = at;
          groups[2 * number + 1] = to;
          const found = next(to);
          if (found < 0) [groups[2 * number], groups[2 * number + 1]] = [start, end];
          return found;
        });
        if (found < 0) [groups[2 * number], groups[2 * number + 1]] = [start, end];
        return found;
      };
    }
    case "atomic":
      return atomic(compile(node.node));
    case "look":
      return look(node, compile(node.node));
    case "again":
      return again(node.group, node.folded);
    case "repeat":
      return repeat(node);
  }
}

/** The pieces of a sequence; octets in a row are one. */
function parts(nodes: readonly RegexNode[]): readonly Matcher[] {
  const made: Matcher[] = [];
  for (let i = 0; i < nodes.length; i++) {
    const sets: Uint8Array[] = [];
    for (let node = nodes[i]; node?.kind === "octet"; node = nodes[++i]) sets.push(node.set);
    if (sets.length > 0) made.push(row(sets));
    const node = nodes[i];
    if (node) made.push(compile(node));
  }
  return made;
}

function row(sets: readonly Uint8Array[]): Matcher {
  const { length } = sets;
  return ({ octets, end }, at, next) => {
    if (at + length > end) return -1;
    for (let i = 0; i < length; i++) if (!sets[i]?.[octets[at + i] ?? 0]) return -1;
    return next(at + length);
  };
}

function sequence(parts: readonly Matcher[]): Matcher {
  const go = (state: State, at: number, next: Next, part: number): number => {
    const matcher = parts[part];
    if (!matcher) return next(at);
    return matcher(state, at, (to) => go(state, to, next, part + 1));
  };
  return (state, at, next) => go(state, at, next, 0);
}

function atomic(inner: Matcher): Matcher {
  return (state, at, next) => {
    const to = inner(state, at, (end) => end);
    return to < 0 ? -1 : next(to);
  };
}

function look(node: RegexNode & { kind: "look" }, inner: Matcher): Matcher {
  const width = node.behind ? widthOf(node.node) ?? 0 : 0;
  return (state, at, next) => {
    step(state.steps);
    const from = at - width;
    const to = from < 0 ? -1 : inner(state, from, (end) => !node.behind || end === at ? end : -1);
    return (to >= 0) === node.negated ? -1 : next(at);
  };
}

function again(group: number, folded: boolean): Matcher {
  return ({ octets, end, groups, steps }, at, next) => {
    const start = groups[2 * group] ?? -1;
    const length = (groups[2 * group + 1] ?? -1) - start;
    if (start < 0 || at + length > end) return -1;
    for (let i = 0; i < length; i++) {
      const [one = 0, other = 0] = [octets[start + i], octets[at + i]];
      if (one !== other && !(folded && LOWER[one] === LOWER[other])) return -1;
    }
    steps.left -= length >> 4;
    return next(at + length);
  };
}

function repeat({ node, min, max, how }: RegexNode & { kind: "repeat" }): Matcher {
  const single = singleOctet(node);
  if (single) return how === "lazy" ? lazyOctets(single, min, max) : octets(single, min, max, how);
  const inner = compile(node);
  const greedy = (state: State, at: number, next: Next, count: number): number => {
    if (++state.depth > MAX_CALLS) throw new OutOfSteps();
    step(state.steps);
    const more = () =>
      count >= max ? -1 : inner(
        state,
        at,
        // what took nothing would take it for ever
        (to) => to === at && count >= min ? -1 : greedy(state, to, next, count + 1),
      );
    const enough = () => count < min ? -1 : next(at);
    const first = how === "lazy" ? enough() : more();
    const found = first >= 0 ? first : how === "lazy" ? more() : enough();
    state.depth--;
    return found;
  };
  const all: Matcher = (state, at, next) => greedy(state, at, next, 0);
  return how === "possessive" ? atomic(all) : all;
}

/** The set of a piece that is one octet, whatever is around it. */
function singleOctet(node: RegexNode): Uint8Array | undefined {
  if (node.kind === "octet") return node.set;
  return node.kind === "group" && node.number === undefined ? singleOctet(node.node) : undefined;
}

function octets(
  set: Uint8Array,
  min: number,
  max: number,
  how: "greedy" | "possessive",
): Matcher {
  return ({ octets, end, steps }, at, next) => {
    const last = Math.min(end, at + max);
    let to = at;
    while (to < last && set[octets[to] ?? 0]) to++;
    steps.left -= (to - at) >> 4;
    if (how === "possessive") return to - at < min ? -1 : next(to);
    for (; to >= at + min; to--) {
      step(steps);
      const found = next(to);
      if (found >= 0) return found;
    }
    return -1;
  };
}

function lazyOctets(set: Uint8Array, min: number, max: number): Matcher {
  return ({ octets, end, steps }, at, next) => {
    const last = Math.min(end, at + max);
    for (let to = at;; to++) {
      if (to >= at + min) {
        step(steps);
        const found = next(to);
        if (found >= 0) return found;
      }
      if (to >= last || !set[octets[to] ?? 0]) return -1;
    }
  };
}

function isWord(octet: number | undefined): boolean {
  return octet !== undefined &&
    (octet >= 48 && octet <= 57 || octet >= 65 && octet <= 90 || octet === 95 ||
      octet >= 97 && octet <= 122);
}

function isAt(place: RegexPlace, { octets, end }: State, at: number): boolean {
  switch (place) {
    case "start":
      return at === 0;
    case "end":
      return at === end;
    case "endOrLine":
      return at === end || at === end - 1 && octets[at] === NEWLINE;
    case "lineStart":
      return at === 0 || octets[at - 1] === NEWLINE && at < end;
    case "lineEnd":
      return at === end || octets[at] === NEWLINE;
    case "word":
    case "notWord": {
      const before = at > 0 && isWord(octets[at - 1]);
      const after = at < end && isWord(octets[at]);
      return (before !== after) === (place === "word");
    }
  }
}

/** Octets that a match can begin with; `undefined` where it may take none, or that is not known. */
function firstOf(node: RegexNode, depth = 0): Uint8Array | undefined {
  if (depth > MAX_REGEX_DEPTH) return undefined;
  switch (node.kind) {
    case "octet":
      return node.set;
    case "group":
    case "atomic":
      return firstOf(node.node, depth + 1);
    case "repeat":
      return node.min > 0 ? firstOf(node.node, depth + 1) : undefined;
    case "sequence": {
      const set = new Uint8Array(256);
      for (const each of node.nodes) {
        if (each.kind === "place" || each.kind === "look") continue;
        const optional = each.kind === "repeat" && each.min === 0;
        const first = firstOf(optional ? each.node : each, depth + 1);
        if (!first) return undefined;
        first.forEach((has, octet) => {
          if (has) set[octet] = 1;
        });
        if (!optional) return set;
      }
      return undefined;
    }
    case "choice": {
      const set = new Uint8Array(256);
      for (const each of node.nodes) {
        const first = firstOf(each, depth + 1);
        if (!first) return undefined;
        first.forEach((has, octet) => {
          if (has) set[octet] = 1;
        });
      }
      return set;
    }
    case "place":
    case "look":
    case "again":
      return undefined;
  }
}
