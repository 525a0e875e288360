/**
 * Logical expressions over sub-signatures: `0&(1|2)>3,2`. As in ClamAV there is no precedence: what is right of an operator is one
 * operand. The flat form is postfix, one word for each step, two more behind a comparison.
 *
 * @see ClamAV documentation, "Logical signatures"
 */
import { MAX_EXPRESSION_DEPTH, MAX_SUBSIGNATURES } from "./limits.ts";

/** Steps; the low octets of a word hold the number of a sub-signature. */
const STEP = { sub: 0, and: 1, or: 2, equal: 3, more: 4, less: 5 } as const;
const STEP_SHIFT = 24;

const COMPARISONS = { "=": STEP.equal, ">": STEP.more, "<": STEP.less } as const;

class Reader {
  readonly #text: string;
  readonly words: number[] = [];
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns false where the text is no expression. */
  expression(depth: number): boolean {
    if (depth > MAX_EXPRESSION_DEPTH || !this.#operand(depth)) return false;
    const operator = this.#text[this.at];
    if (operator !== "&" && operator !== "|") return true;
    this.at++;
    if (!this.expression(depth + 1)) return false;
    this.words.push((operator === "&" ? STEP.and : STEP.or) << STEP_SHIFT);
    return true;
  }

  #operand(depth: number): boolean {
    if (this.#text[this.at] === "(") {
      this.at++;
      if (!this.expression(depth + 1) || this.#text[this.at] !== ")") return false;
      this.at++;
    } else {
      const sub = this.#number();
      if (sub === undefined || sub >= MAX_SUBSIGNATURES) return false;
      this.words.push((STEP.sub << STEP_SHIFT) | sub);
    }
    return this.#comparison();
  }

  #comparison(): boolean {
    const sign = this.#text[this.at];
    if (sign !== "=" && sign !== ">" && sign !== "<") return true;
    this.at++;
    const count = this.#number();
    if (count === undefined) return false;
    let kinds = 0;
    if (this.#text[this.at] === ",") {
      this.at++;
      const read = this.#number();
      if (read === undefined) return false;
      kinds = read;
    }
    this.words.push(COMPARISONS[sign] << STEP_SHIFT, count, kinds);
    return true;
  }

  #number(): number | undefined {
    const found = /^\d{1,9}/.exec(this.#text.slice(this.at, this.at + 9));
    if (!found) return undefined;
    this.at += found[0].length;
    return Number(found[0]);
  }
}

/** Reads an expression into its flat form; `undefined` where it is none. */
export function parseExpression(text: string): readonly number[] | undefined {
  const reader = new Reader(text);
  return reader.expression(0) && reader.at === text.length ? reader.words : undefined;
}

/** Sub-signatures that an expression in flat form speaks of. */
export function subsignaturesOf(words: ArrayLike<number>): ReadonlySet<number> {
  const subs = new Set<number>();
  for (let i = 0; i < words.length; i++) {
    const step = (words[i] ?? 0) >>> STEP_SHIFT;
    if (step === STEP.sub) subs.add((words[i] ?? 0) & 0xffff);
    else if (step >= STEP.equal) i += 2;
  }
  return subs;
}

/** What an operand came to. */
interface Value {
  readonly holds: boolean;
  /** Matches, all sub-signatures together. */
  readonly count: number;
  /** Different sub-signatures. */
  readonly kinds: number;
}

const NOTHING: Value = { holds: false, count: 0, kinds: 0 };

function compare(step: number, count: number, wanted: number): boolean {
  return step === STEP.equal
    ? count === wanted
    : step === STEP.more
    ? count > wanted
    : count < wanted;
}

/**
 * Whether an expression holds.
 *
 * @param words Flat form, as {@link parseExpression} makes it.
 * @param counts Matches of each sub-signature.
 */
export function holds(words: ArrayLike<number>, counts: ArrayLike<number>): boolean {
  const stack: Value[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    const step = word >>> STEP_SHIFT;
    if (step === STEP.sub) {
      const count = counts[word & 0xffff] ?? 0;
      stack.push({ holds: count > 0, count, kinds: count > 0 ? 1 : 0 });
    } else if (step === STEP.and || step === STEP.or) {
      const right = stack.pop() ?? NOTHING;
      const left = stack.pop() ?? NOTHING;
      const both = step === STEP.and ? left.holds && right.holds : left.holds || right.holds;
      const sum = { count: left.count + right.count, kinds: left.kinds + right.kinds };
      stack.push(both ? { holds: true, ...sum } : NOTHING);
    } else {
      const value = stack.pop() ?? NOTHING;
      const wanted = words[++i] ?? 0;
      const kinds = words[++i] ?? 0;
      const agrees = compare(step, value.count, wanted) && value.kinds >= kinds;
      stack.push(agrees ? { ...value, holds: true } : NOTHING);
    }
  }
  return stack.pop()?.holds ?? false;
}
