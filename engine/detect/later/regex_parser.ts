/**
 * Reads regular expressions as PCRE has them, over octets: what signatures use of them. Made a tree, which regex_matcher.ts matches
 * within a bounded number of steps.
 */
import { CLASSES, ESCAPES, foldedSet, inverse, join, only, POSIX, range } from "./octet_sets.ts";
import { MAX_REGEX_CHARACTERS, MAX_REGEX_DEPTH, MAX_REGEX_REPEATS } from "../limits.ts";

/** Places that take no octets. */
export type RegexPlace =
  | "start"
  | "end"
  | "endOrLine"
  | "lineStart"
  | "lineEnd"
  | "word"
  | "notWord";

/** A piece of an expression. */
export type RegexNode =
  /** One octet of these: 256 zeros and ones. */
  | { readonly kind: "octet"; readonly set: Uint8Array }
  | { readonly kind: "sequence"; readonly nodes: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly nodes: readonly RegexNode[] }
  | {
    readonly kind: "repeat";
    readonly node: RegexNode;
    readonly min: number;
    /** Infinity: any number. */
    readonly max: number;
    readonly how: "greedy" | "lazy" | "possessive";
  }
  /** `number` is absent for groups that remember nothing. */
  | { readonly kind: "group"; readonly node: RegexNode; readonly number?: number }
  | { readonly kind: "atomic"; readonly node: RegexNode }
  | {
    readonly kind: "look";
    readonly node: RegexNode;
    readonly behind: boolean;
    readonly negated: boolean;
  }
  | { readonly kind: "again"; readonly group: number; readonly folded: boolean }
  | { readonly kind: "place"; readonly place: RegexPlace };

/** An expression. */
export interface Regex {
  readonly node: RegexNode;
  /** Groups that remember what they matched. */
  readonly groups: number;
}

/** How an expression is read; letters as ClamAV's flags have them. */
export interface RegexFlags {
  /** `i` */
  readonly folded?: boolean;
  /** `s` */
  readonly dotAll?: boolean;
  /** `m` */
  readonly lines?: boolean;
  /** `x` */
  readonly extended?: boolean;
  /** `E` */
  readonly dollarEnd?: boolean;
  /** `U` */
  readonly lazy?: boolean;
}

class Unsupported extends Error {}

class Parser {
  readonly #text: string;
  #flags: RegexFlags;
  #at = 0;
  #depth = 0;
  readonly #names = new Map<string, number>();
  groups = 0;

  constructor(text: string, flags: RegexFlags) {
    this.#text = text;
    this.#flags = flags;
  }

  whole(): RegexNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new Unsupported("a regular expression with a stray )");
    return node;
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text);
    if (found) this.#at = expression.lastIndex;
    return found;
  }

  #choice(): RegexNode {
    if (++this.#depth > MAX_REGEX_DEPTH) {
      throw new Unsupported("a regular expression nested too deep");
    }
    const flags = this.#flags;
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    const [only] = nodes;
    return nodes.length === 1 && only ? only : { kind: "choice", nodes };
  }

  #sequence(): RegexNode {
    const nodes: RegexNode[] = [];
    while (this.#at < this.#text.length && !this.#peek("|") && !this.#peek(")")) {
      if (this.#flags.extended && this.#match(/(?:\s|#[^\n]*)+/y)) continue;
      const node = this.#atom();
      if (node) nodes.push(this.#repeated(node));
    }
    const [only] = nodes;
    return nodes.length === 1 && only ? only : { kind: "sequence", nodes };
  }

  #repeated(node: RegexNode): RegexNode {
    for (let again = node;;) {
      const found = this.#match(/(?:([*+?])|\{(\d{1,5})(?:(,)(\d{0,5}))?\})([+?]?)/y);
      if (!found) return again;
      const [, sign, low, comma, high, how] = found;
      const min = sign ? (sign === "+" ? 1 : 0) : Number(low);
      const max = sign
        ? (sign === "?" ? 1 : Infinity)
        : !comma
        ? min
        : high
        ? Number(high)
        : Infinity;
      if (max < min || min > MAX_REGEX_REPEATS) {
        throw new Unsupported("a repetition that cannot be");
      }
      const lazy = (how === "?") !== (this.#flags.lazy ?? false);
      again = {
        kind: "repeat",
        node: again,
        min,
        max,
        how: how === "+" ? "possessive" : lazy ? "lazy" : "greedy",
      };
    }
  }

  #atom(): RegexNode | undefined {
    if (this.#take("(")) return this.#group();
    if (this.#take("[")) return this.#set(this.#classSet());
    if (this.#take("\\")) return this.#escape();
    if (this.#take(".")) {
      return {
        kind: "octet",
        set: this.#flags.dotAll ? new Uint8Array(256).fill(1) : CLASSES["N"]!,
      };
    }
    if (this.#take("^")) return { kind: "place", place: this.#flags.lines ? "lineStart" : "start" };
    if (this.#take("$")) {
      const { lines, dollarEnd } = this.#flags;
      return { kind: "place", place: lines ? "lineEnd" : dollarEnd ? "end" : "endOrLine" };
    }
    if (this.#match(/[*+?]/y)) throw new Unsupported("a repetition of nothing");
    const code = this.#text.charCodeAt(this.#at++);
    if (code > 255) throw new Unsupported("a regular expression with letters that are no octets");
    return this.#set(range([code, code]));
  }

  #set(set: Uint8Array): RegexNode {
    return { kind: "octet", set: this.#flags.folded ? foldedSet(set) : set };
  }

  #group(): RegexNode | undefined {
    if (this.#peek("*")) throw new Unsupported("verbs in a regular expression");
    if (!this.#take("?")) return this.#closed({ number: ++this.groups });
    if (this.#take("#")) {
      if (!this.#match(/[^)]*\)/y)) throw new Unsupported("a comment without an end");
      return undefined;
    }
    if (this.#take(":")) return this.#closed({});
    if (this.#take(">")) return { kind: "atomic", node: this.#closed({}) };
    const look = this.#match(/(<?)([=!])/y);
    if (look) {
      const behind = look[1] === "<";
      return lookAround(this.#closed({}), behind, look[2] === "!");
    }
    const name = this.#match(/P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})'/y);
    if (name) {
      const number = ++this.groups;
      this.#names.set(name[1] ?? name[2] ?? "", number);
      return this.#closed({ number });
    }
    const again = this.#match(/P=(\w+)\)/y);
    if (again) return this.#again(this.#names.get(again[1] ?? "") ?? 0);
    const flags = this.#match(/([imsxU]*)(?:-([imsxU]*))?([:)])/y);
    if (!flags) throw new Unsupported("recursion or conditions in a regular expression");
    const [, on = "", off = "", end] = flags;
    const before = this.#flags;
    this.#flags = { ...before, ...flagsOf(on, true), ...flagsOf(off, false) };
    if (end === ")") return undefined; // to the end of the group around it
    const node = this.#closed({});
    this.#flags = before;
    return node;
  }

  #closed(group: { readonly number?: number }): RegexNode {
    const node = this.#choice();
    if (!this.#take(")")) throw new Unsupported("a group without an end");
    return { kind: "group", node, ...group };
  }

  #again(group: number): RegexNode {
    if (group < 1 || group > this.groups) {
      throw new Unsupported("a reference to no group before it");
    }
    return { kind: "again", group, folded: this.#flags.folded ?? false };
  }

  #escape(): RegexNode | undefined {
    const quoted = this.#match(/Q([^]*?)(?:\\E|$)/y);
    if (quoted) {
      const nodes = Array.from(quoted[1] ?? "", (letter) => {
        const code = letter.charCodeAt(0);
        return this.#set(range([code, code]));
      });
      return { kind: "sequence", nodes };
    }
    if (this.#take("E")) return undefined;
    const place = ({ A: "start", Z: "endOrLine", z: "end", b: "word", B: "notWord" } as const)[
      this.#text[this.#at] ?? ""
    ];
    if (place) {
      this.#at++;
      return { kind: "place", place };
    }
    const number = this.#match(/([1-9]\d?)(?!\d)|g\{?([1-9]\d?)\}?/y);
    if (number) {
      const group = Number(number[1] ?? number[2]);
      if (group <= this.groups) return this.#again(group);
      if (number[2] !== undefined || group < 8 || /[89]/.test(number[0])) {
        throw new Unsupported("a reference to no group before it");
      }
      this.#at -= number[0].length; // it is an octal number then
    }
    const name = this.#match(/k(?:<(\w+)>|\{(\w+)\}|'(\w+)')/y);
    if (name) return this.#again(this.#names.get(name[1] ?? name[2] ?? name[3] ?? "") ?? 0);
    return this.#set(this.#escapedSet());
  }

  /** What follows a backslash, within a class or not, where it stands for octets. */
  #escapedSet(): Uint8Array {
    const hex = this.#match(/x\{([0-9a-fA-F]{1,2})\}|x([0-9a-fA-F]{0,2})/y);
    if (hex) {
      const code = parseInt(hex[1] ?? (hex[2] || "0"), 16);
      return range([code, code]);
    }
    const octal = this.#match(/[0-3]?[0-7]{1,2}/y);
    if (octal) {
      const code = parseInt(octal[0], 8);
      return range([code, code]);
    }
    const control = this.#match(/c([@-_a-z?])/y);
    if (control) {
      const code = (control[1] ?? "").toUpperCase().charCodeAt(0) ^ 64;
      return range([code, code]);
    }
    const letter = this.#text[this.#at++] ?? "";
    const known = CLASSES[letter];
    if (known) return known;
    const code = ESCAPES[letter] ?? letter.charCodeAt(0);
    if (letter === "" || !(letter in ESCAPES) && /[A-Za-z0-9]/.test(letter) || code > 255) {
      throw new Unsupported("an escape that is not known here");
    }
    return range([code, code]);
  }

  #classSet(): Uint8Array {
    const set = new Uint8Array(256);
    const negated = this.#take("^");
    for (let first = true; first || !this.#take("]"); first = false) {
      if (this.#at >= this.#text.length) throw new Unsupported("a class without an end");
      const posix = this.#match(/\[:(\^?)([a-z]+):\]/y);
      if (posix) {
        const named = POSIX[posix[2] ?? ""];
        if (!named) throw new Unsupported("a class that is not known here");
        join(set, posix[1] ? inverse(named) : named);
        continue;
      }
      const from = this.#classOctet();
      const low = only(from);
      const dash = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (low === undefined || !dash) {
        join(set, from);
        continue;
      }
      this.#at++;
      const to = this.#classOctet();
      const high = only(to);
      if (high === undefined) { // a class behind a dash: the dash is itself
        join(set, from);
        join(set, range([45, 45]));
        join(set, to);
      } else if (high < low) throw new Unsupported("a range that ends before it starts");
      else join(set, range([low, high]));
    }
    const wide = this.#flags.folded ? foldedSet(set) : set;
    return negated ? inverse(wide) : wide;
  }

  #classOctet(): Uint8Array {
    if (!this.#take("\\")) {
      const code = this.#text.charCodeAt(this.#at++);
      if (code > 255) throw new Unsupported("a regular expression with letters that are no octets");
      return range([code, code]);
    }
    if (this.#take("b")) return range([8, 8]);
    return this.#escapedSet();
  }
}

/** Alternatives that look behind may be of different widths: each is a look of its own. */
function lookAround(node: RegexNode, behind: boolean, negated: boolean): RegexNode {
  if (!behind || widthOf(node) !== undefined) return { kind: "look", node, behind, negated };
  const inner = node.kind === "group" ? node.node : node;
  if (inner.kind !== "choice" || inner.nodes.some((each) => widthOf(each) === undefined)) {
    throw new Unsupported("a regular expression that looks behind by no fixed width");
  }
  const nodes = inner.nodes.map((each) => ({ kind: "look", node: each, behind, negated } as const));
  return { kind: negated ? "sequence" : "choice", nodes };
}

function flagsOf(letters: string, value: boolean): RegexFlags {
  return {
    ...(letters.includes("i") ? { folded: value } : {}),
    ...(letters.includes("m") ? { lines: value } : {}),
    ...(letters.includes("s") ? { dotAll: value } : {}),
    ...(letters.includes("x") ? { extended: value } : {}),
    ...(letters.includes("U") ? { lazy: value } : {}),
  };
}

/** How many octets a piece takes, where that is always the same; of alternatives it need not be. */
export function widthOf(node: RegexNode): number | undefined {
  switch (node.kind) {
    case "octet":
      return 1;
    case "place":
    case "look":
      return 0;
    case "again":
      return undefined;
    case "group":
    case "atomic":
      return widthOf(node.node);
    case "repeat": {
      const width = widthOf(node.node);
      return width === undefined || node.min !== node.max ? undefined : width * node.min;
    }
    case "sequence": {
      let sum = 0;
      for (const each of node.nodes) {
        const width = widthOf(each);
        if (width === undefined) return undefined;
        sum += width;
      }
      return sum;
    }
    case "choice": {
      const widths = new Set(node.nodes.map(widthOf));
      const [width] = widths;
      return widths.size === 1 ? width : undefined;
    }
  }
}

/**
 * Reads an expression.
 *
 * @param text Octets as characters up to U+00FF.
 * @returns a few words where something in it is not supported.
 */
export function parseRegex(text: string, flags: RegexFlags = {}): Regex | string {
  if (text.length > MAX_REGEX_CHARACTERS) return "a regular expression that is too long";
  if (text === "") return "an empty regular expression";
  try {
    const parser = new Parser(text, flags);
    return { node: parser.whole(), groups: parser.groups };
  } catch (error) {
    if (error instanceof Unsupported) return error.message;
    throw error;
  }
}
