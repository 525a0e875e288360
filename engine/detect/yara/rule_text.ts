/**
 * Reads as much of YARA rules as is needed to know without running them that they cannot match: their strings, and what their
 * conditions ask of these. What it does not understand it says, and then the rules are run.
 *
 * @see https://virustotal.github.io/yara-x/docs/writing_rules/anatomy-of-a-rule/
 */

/** A string of a rule. */
export interface RuleString {
  /** With its `$`. */
  readonly name: string;
  readonly kind: "text" | "hex" | "expression";
  /** Octets of text as characters, or what stands between the braces or slashes. */
  readonly value: string;
  readonly modifiers: readonly string[];
}

/** A rule as it is written. */
export interface RuleText {
  readonly name: string;
  readonly strings: readonly RuleString[];
  /** Words and signs of the condition. */
  readonly condition: readonly string[];
}

/** Thrown, and caught here, where the text is not understood. */
class NotUnderstood extends Error {}

const BLANK = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const WORD = /[$#@!]?[A-Za-z0-9_]+\*?|[$#@!]\*?/y;
const TEXT = /"((?:[^"\\\n]|\\.)*)"/y;
const EXPRESSION = /\/((?:[^/\\\n]|\\.)+)\/[a-z]*/y;
const BRACES = /\{((?:\/\*(?:(?!\*\/)[\s\S])*\*\/|\/\/[^\n]*\n|[^}\/])*)\}/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  #skip(): void {
    BLANK.lastIndex = this.#at;
    BLANK.exec(this.#text);
    this.#at = Math.max(this.#at, BLANK.lastIndex);
  }

  /** What the pattern finds here, or nothing. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    this.#skip();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  sign(sign: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  need(sign: string): void {
    if (!this.sign(sign)) throw new NotUnderstood();
  }

  word(): string {
    const [word] = this.take(WORD) ?? [];
    if (word === undefined) throw new NotUnderstood();
    return word;
  }

  /** The next character, whatever it is. */
  any(): string {
    this.#skip();
    const character = this.#text[this.#at++];
    if (character === undefined) throw new NotUnderstood();
    return character;
  }

  peek(word: string): boolean {
    const before = this.#at;
    const [found] = this.take(WORD) ?? [];
    this.#at = before;
    return found === word;
  }
}

/** The rules of a source; `undefined` where something in it is not understood. */
export function readRules(text: string): readonly RuleText[] | undefined {
  const reader = new Reader(text);
  const rules: RuleText[] = [];
  try {
    while (!reader.ended) {
      const word = reader.word();
      if (word === "import" || word === "include") {
        if (word === "include" || !reader.take(TEXT)) return undefined;
      } else if (word === "rule") rules.push(readRule(reader));
      else if (word !== "private" && word !== "global") return undefined;
    }
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
  return rules;
}

function readRule(reader: Reader): RuleText {
  const name = reader.word();
  if (reader.sign(":")) { while (!reader.sign("{")) reader.word(); }
  else reader.need("{");
  const strings: RuleString[] = [];
  for (;;) {
    const section = reader.word();
    reader.need(":");
    if (section === "condition") return { name, strings, condition: readCondition(reader) };
    if (section === "meta") readMeta(reader);
    else if (section === "strings") strings.push(...readStrings(reader));
    else throw new NotUnderstood();
  }
}

function readMeta(reader: Reader): void {
  while (!reader.peek("strings") && !reader.peek("condition")) {
    reader.word();
    reader.need("=");
    if (!reader.take(TEXT)) {
      reader.sign("-");
      reader.word();
      if (reader.sign(".")) reader.word();
    }
  }
}

function readStrings(reader: Reader): readonly RuleString[] {
  const strings: RuleString[] = [];
  while (!reader.peek("condition")) {
    const name = reader.word();
    if (!name.startsWith("$")) throw new NotUnderstood();
    reader.need("=");
    const text = reader.take(TEXT);
    const braces = text ? undefined : reader.take(BRACES);
    const expression = text || braces ? undefined : reader.take(EXPRESSION);
    const modifiers: string[] = [];
    const kind = text ? "text" : braces ? "hex" : "expression";
    const value = text?.[1] ?? braces?.[1]?.replace(COMMENT, "") ?? expression?.[1];
    if (value === undefined) throw new NotUnderstood();
    for (;;) {
      const modifier = [
        "ascii",
        "wide",
        "nocase",
        "fullword",
        "private",
        "xor",
        "base64wide",
        "base64",
      ]
        .find((one) => reader.peek(one));
      if (modifier === undefined) break;
      modifiers.push(reader.word());
      if (reader.sign("(")) { while (!reader.sign(")")) if (!reader.take(TEXT)) reader.any(); }
    }
    strings.push({ name, kind, value: kind === "text" ? unescaped(value) : value, modifiers });
  }
  return strings;
}

function readCondition(reader: Reader): readonly string[] {
  const tokens: string[] = [];
  while (!reader.sign("}")) {
    const [token] = reader.take(TEXT) ??
      (tokens.at(-1) === "matches" ? reader.take(EXPRESSION) : undefined) ?? reader.take(WORD) ??
      [];
    tokens.push(token ?? reader.any());
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  '"': '"',
};

function unescaped(text: string): string {
  // As octets: what is written in UTF-8 is looked for in UTF-8.
  const octets = Array.from(new TextEncoder().encode(text), (octet) => String.fromCharCode(octet));
  return octets.join("").replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (whole, hex, other) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    return ESCAPES[other] ?? whole;
  });
}
