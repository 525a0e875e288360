/**
 * Values of PDF as text: names, numbers, arrays, dictionaries, references. Strings and words are passed over, and comments are white
 * space.
 *
 * @see ISO 32000-1, 7.2 and 7.3
 */

/** Every value that a dictionary gives to a key: readers differ in which of them they take. */
export type PdfDictionary = ReadonlyMap<string, readonly PdfValue[]>;

/** One value. */
export type PdfValue =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "reference"; readonly number: number }
  | { readonly kind: "array"; readonly items: readonly PdfValue[] }
  | { readonly kind: "dictionary"; readonly entries: PdfDictionary }
  /** A string or a word, by where it begins. */
  | { readonly kind: "other"; readonly at: number };

/** Values within values; dictionaries of streams have some three. */
const MAX_NESTING = 64;

/** What a character is, 7.2.2: regular where nothing is said. */
const WHITE = 1, DELIMITER = 2;
const CHARACTERS = new Uint8Array(256);
for (const octet of [0, 9, 10, 12, 13, 32]) CHARACTERS[octet] = WHITE;
for (const mark of "()<>[]{}/%") CHARACTERS[mark.charCodeAt(0)] = DELIMITER;

const LF = 10, CR = 13, OPEN = 0x28, CLOSE = 0x29, LESS = 0x3c, GREATER = 0x3e;
const BACKSLASH = 0x5c, OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, SLASH = 0x2f, PERCENT = 0x25;

/** Names may be written with `#` and two hex digits: 7.3.5. */
export function plainName(name: string): string {
  if (!name.includes("#")) return name;
  return name.replace(
    /#([0-9a-f]{2})/gi,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/** The source of an expression for a name with its slash, however it is written; what it matches ends where the name does. */
export function namePattern(name: string): string {
  const letters = Array.from(name, (letter) => {
    const hex = letter.charCodeAt(0).toString(16);
    const either = hex.replace(/[a-f]/, (digit) => `[${digit}${digit.toUpperCase()}]`);
    return `(?:${letter}|#${either})`;
  });
  return `/${letters.join("")}(?![^\\0\\t\\n\\f\\r ()<>[\\]{}/%])`;
}

/** Reads values from a place in a text on, each character once or, around numbers, three times. */
export class PdfReader {
  readonly #text: string;
  readonly #end: number;
  /** Where the next value is looked for. */
  at: number;

  /** @param end Nothing from here on is read. */
  constructor(text: string, at: number, end = text.length) {
    this.#text = text;
    this.#end = Math.min(end, text.length);
    this.at = at;
  }

  /** Passes over white space and comments. */
  skip(): void {
    while (this.at < this.#end) {
      const code = this.#text.charCodeAt(this.at);
      if (code === PERCENT) {
        while (this.at < this.#end && !isLineEnd(this.#text.charCodeAt(this.at))) this.at++;
      } else if (CHARACTERS[code] === WHITE) this.at++;
      else return;
    }
  }

  /** Whether the next is `word`, whatever follows it. */
  isNext(word: string): boolean {
    this.skip();
    return this.at + word.length <= this.#end && this.#text.startsWith(word, this.at);
  }

  /** The next value; `undefined` at the end, or where something is not closed before it. */
  value(nesting = 0): PdfValue | undefined {
    this.skip();
    if (this.at >= this.#end || nesting > MAX_NESTING) return undefined;
    switch (this.#text.charCodeAt(this.at)) {
      case SLASH:
        this.at++;
        return { kind: "name", name: plainName(this.#word()) };
      case OPEN:
        return this.#string();
      case LESS:
        if (this.#text.charCodeAt(this.at + 1) === LESS) return this.#dictionary(nesting);
        return this.#hexString();
      case OPEN_ARRAY:
        return this.#array(nesting);
    }
    const { at } = this;
    const word = this.#word();
    if (word === "") this.at++; // a delimiter that stands alone
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(word)) return { kind: "other", at };
    return this.#reference(word) ?? { kind: "number", value: Number(word) };
  }

  /** What stands in front of the next white space or delimiter. */
  #word(): string {
    const start = this.at;
    while (this.at < this.#end && isRegular(this.#text.charCodeAt(this.at))) this.at++;
    return this.#text.slice(start, this.at);
  }

  /** `12 0 R`, whose first number was read. */
  #reference(first: string): PdfValue | undefined {
    if (!/^\d{1,10}$/.test(first)) return undefined;
    const before = this.at;
    this.skip();
    if (/^\d{1,5}$/.test(this.#word()) && this.isNext("R")) {
      this.at++;
      if (this.at >= this.#end || !isRegular(this.#text.charCodeAt(this.at))) {
        return { kind: "reference", number: Number(first) };
      }
    }
    this.at = before;
    return undefined;
  }

  #string(): PdfValue | undefined {
    const { at } = this;
    let depth = 0;
    for (; this.at < this.#end; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code === BACKSLASH) this.at++;
      else if (code === OPEN) depth++;
      else if (code === CLOSE && --depth === 0) {
        this.at++;
        return { kind: "other", at };
      }
    }
    return undefined;
  }

  #hexString(): PdfValue | undefined {
    const { at } = this;
    while (this.at < this.#end) {
      if (this.#text.charCodeAt(this.at++) === GREATER) return { kind: "other", at };
    }
    return undefined;
  }

  #array(nesting: number): PdfValue | undefined {
    const items: PdfValue[] = [];
    this.at++;
    for (;;) {
      this.skip();
      if (this.#text.charCodeAt(this.at) === CLOSE_ARRAY && this.at < this.#end) {
        this.at++;
        return { kind: "array", items };
      }
      const item = this.value(nesting + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
  }

  /** What stands where a key should is passed over, as readers do. */
  #dictionary(nesting: number): PdfValue | undefined {
    const entries = new Map<string, PdfValue[]>();
    this.at += 2;
    for (;;) {
      if (this.isNext(">>")) {
        this.at += 2;
        return { kind: "dictionary", entries };
      }
      const key = this.value(nesting + 1);
      if (key === undefined) return undefined;
      if (key.kind !== "name") continue;
      if (this.isNext(">>")) continue;
      const value = this.value(nesting + 1);
      if (value === undefined) return undefined;
      const others = entries.get(key.name);
      if (others) others.push(value);
      else entries.set(key.name, [value]);
    }
  }
}

/** Whether it is neither white space nor a delimiter; latin1Text may give characters above 255 for octets that are regular. */
function isRegular(code: number): boolean {
  return code > 255 || CHARACTERS[code] === 0;
}

function isLineEnd(code: number): boolean {
  return code === LF || code === CR;
}

/** Each once, by what is in it. */
export function distinctJson<T>(values: readonly T[]): readonly T[] {
  return values.length < 2
    ? values
    : [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
