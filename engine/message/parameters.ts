/** Structured field values (`type/subtype; name=value`), read in every way that mail programs do. */
import { MAX_ANALYSED_VALUE, MAX_PARAMETERS, MAX_READINGS } from "./limits.ts";
import { decodeExtended, joinContinuations } from "./rfc2231.ts";
import { decodeWords } from "./words.ts";

/** A value with its parameters. */
export interface StructuredValue {
  /** Readings of what stands before the first parameter, lower case, likeliest first. */
  readonly mains: readonly string[];
  /** Readings of a parameter's value, likeliest first; empty if absent. The standard reading comes first if it exists. */
  parameter(name: string): readonly string[];
  /** Whether the value keeps to the grammar so that every reader agrees. */
  readonly clean: boolean;
}

/** A parameter as it stands: name in lower case, value as a reader took it. */
export interface RawParameter {
  readonly name: string;
  readonly value: string;
}

const CLEAN_MAIN = /^[\w.+-]+(?:\/[\w.+-]+)?/;
const CLEAN_PARAMETER =
  /\s*;\s*([A-Za-z0-9.-]+)=(?:"([ !#-:<-\[\]-~]*)"|([\w!#$&+.^`{|}~-]+(?:[/:=][\w.+:/=-]*)?))/y;

/**
 * Reads a structured value.
 *
 * @param text Unfolded, a character an octet.
 */
export function readStructured(text: string): StructuredValue {
  return readClean(text) ?? readEvery(text);
}

/** The common case: plain grammar, no parameter twice. */
function readClean(text: string): StructuredValue | undefined {
  const main = CLEAN_MAIN.exec(text);
  if (main === null) return undefined;
  let at = main[0].length;
  const parameters = new Map<string, string>();
  while (at < text.length) {
    CLEAN_PARAMETER.lastIndex = at;
    const match = CLEAN_PARAMETER.exec(text);
    if (match === null) {
      if (/^[\s;]*$/.test(text.slice(at, at + 64)) && text.length - at < 64) break;
      return undefined;
    }
    const name = match[1]!.toLowerCase();
    const value = match[2] ?? match[3]!;
    if (parameters.has(name) || value.includes("=?") || value !== value.trim()) return undefined;
    if (name.startsWith("content-")) return undefined; // a folded field taken for a parameter
    parameters.set(name, value);
    at = CLEAN_PARAMETER.lastIndex;
  }
  return {
    mains: [main[0].toLowerCase()],
    clean: true,
    parameter: (name) => {
      const value = parameters.get(name);
      return value === undefined ? [] : [value];
    },
  };
}

/** How one kind of reader takes a value apart. */
interface Manner {
  readonly comments: boolean;
  readonly quotes: boolean;
  readonly escapes: boolean;
  /** Characters that end a parameter. */
  readonly separators: string;
}

const MANNERS: readonly Manner[] = [
  { comments: true, quotes: true, escapes: true, separators: ";" }, // RFC 2045 with RFC 822 comments
  { comments: false, quotes: true, escapes: true, separators: ";" },
  { comments: false, quotes: true, escapes: false, separators: ";" },
  { comments: true, quotes: false, escapes: false, separators: ";" },
  { comments: false, quotes: false, escapes: false, separators: ";" },
  { comments: true, quotes: true, escapes: true, separators: ";, \t\r\n" },
  { comments: false, quotes: false, escapes: false, separators: ";, \t\r\n" },
];

function readEvery(text: string): StructuredValue {
  const long = text.length > MAX_ANALYSED_VALUE;
  const manners = long ? MANNERS.slice(0, 1) : MANNERS;
  const texts = [text];
  if (!long && text.includes("\0")) {
    texts.push(text.replaceAll("\0", ""), text.slice(0, text.indexOf("\0")));
  }
  if (!long && text.includes("=?")) texts.push(decodeWords(text));
  const taken = texts.flatMap((one) => manners.map((manner) => takeApart(one, manner)));
  const mains = unique(taken.flatMap((one) => mainReadings(one.main)));
  const anywhere = long ? [] : texts.map(searchAnywhere);
  const lists = [...taken.map((one) => one.parameters), ...anywhere];
  return {
    mains,
    clean: false,
    parameter: (name) =>
      unique([
        ...lists.flatMap((list) => valuesOf(list, name)),
        ...(long ? [] : lists.flatMap((list) => valuesOf(list, name)).flatMap(looser)),
      ]),
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].slice(0, MAX_READINGS);
}

/** `Multipart / Mixed`, encoded words, stray characters before and behind. */
function mainReadings(whole: string): string[] {
  const main = whole.trim().slice(0, 1024);
  const lower = main.toLowerCase();
  const bare = lower.replace(/\s+/g, "").replace(/\p{Cc}/gu, "").replace(/^[:=\s"']+|["']+$/g, "");
  const decoded = decodeWords(main).toLowerCase().trim();
  const found = /[\w.+-]+\/[\w.+-]+/.exec(lower)?.[0];
  return [lower.trim(), bare, decoded, ...(found === undefined ? [] : [found])]
    .filter((one) => one !== "");
}

function takeApart(text: string, manner: Manner): { main: string; parameters: RawParameter[] } {
  const pieces: string[] = [];
  let names: RawParameter[] = [];
  let piece = "";
  let equals = -1;
  const push = () => {
    if (pieces.length === 0) pieces.push(piece);
    else if (names.length < MAX_PARAMETERS && equals >= 0) {
      // Runs of blanks are cut first: the expressions below must not meet long ones.
      const name = piece.slice(0, equals).trim().slice(-256).replace(/\p{Cc}/gu, "").replace(
        /^["';,\s]+|["'\s\\]+$/g,
        "",
      )
        .toLowerCase();
      if (name !== "") names.push({ name, value: piece.slice(equals + 1).trim() });
    }
    piece = "";
    equals = -1;
  };
  const words = manner.separators.length > 1;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (manner.comments && character === "(") {
      i = skipComment(text, i);
      continue;
    }
    if (manner.quotes && character === '"') {
      const quoted = readQuoted(text, i, manner.escapes);
      // A quoted piece keeps blanks at its edges apart from those around it.
      piece += quoted.value;
      i = quoted.end;
      continue;
    }
    if (character === "\\" && manner.escapes && i + 1 < text.length) {
      piece += text[++i]!;
      continue;
    }
    if (manner.separators.includes(character)) {
      // With blanks as separators `boundary = x` still is one parameter.
      if (words && /\s/.test(character)) {
        if (equals === piece.length - 1 || /^\s*=/.test(text.slice(i, i + 32))) continue;
      }
      push();
      continue;
    }
    if (character === "=" && equals < 0) equals = piece.length;
    piece += character;
  }
  push();
  names = names.filter((one) => one.name.length <= 128);
  return { main: pieces[0] ?? "", parameters: names };
}

/** The index of the closing parenthesis, nested comments and escapes included; the last index if it is not closed. */
function skipComment(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) return i;
  }
  return text.length;
}

function readQuoted(text: string, start: number, escapes: boolean): { value: string; end: number } {
  if (!escapes) {
    const close = text.indexOf('"', start + 1);
    return close < 0
      ? { value: text.slice(start + 1), end: text.length }
      : { value: text.slice(start + 1, close), end: close };
  }
  const parts: string[] = [];
  let from = start + 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") {
      parts.push(text.slice(from, i));
      from = ++i;
    } else if (text[i] === '"') return { value: parts.join("") + text.slice(from, i), end: i };
  }
  return { value: parts.join("") + text.slice(from), end: text.length };
}

/** `name=value` wherever it stands, even inside quotes and comments. */
function searchAnywhere(text: string): RawParameter[] {
  const found: RawParameter[] = [];
  const pattern =
    /(boundary|filename|name|charset|content-type|x-[a-z-]*name)(\*\d*\*?)?["'\s]*=\s*(?:"([^"]*)"?|'([^']*)'|([^;"'\s]*))/gi;
  for (const match of text.matchAll(pattern)) {
    if (found.length >= MAX_PARAMETERS) break;
    const name = (match[1]! + (match[2] ?? "")).toLowerCase();
    found.push({ name, value: match[3] ?? match[4] ?? match[5] ?? "" });
  }
  return found;
}

/** What readers make of `name`, `name*`, `name*0`, `name*0*`, ... in one list of parameters (RFC 2231). */
function valuesOf(list: readonly RawParameter[], name: string): string[] {
  const plain: string[] = [];
  const extended: string[] = [];
  const pieces: RawParameter[] = [];
  for (const one of list) {
    if (one.name === name) plain.push(one.value);
    else if (one.name === `${name}*`) extended.push(...decodeExtended(one.value), one.value);
    else if (one.name.startsWith(`${name}*`)) pieces.push(one);
  }
  // The standard says that the extended form wins; most readers take it, old ones the plain form.
  return [...extended, ...joinContinuations(pieces, name), ...plain];
}

/** What looser readers make of a value: blanks, quotes, escapes, NUL and encoded words. */
function looser(value: string): string[] {
  const out = [value.trim()];
  const stripped = value.trim().replace(/^["']+|["']+$/g, "");
  out.push(stripped, stripped.trim());
  if (/\s/.test(value)) out.push(stripped.split(/\s/, 1)[0]!);
  if (value.includes("\\")) out.push(value.replace(/\\(.)/g, "$1"));
  if (value.includes("(")) out.push(value.replace(/\([^)]*\)?/g, "").trim());
  if (value.includes('"')) {
    out.push(value.slice(0, value.indexOf('"')), value.replaceAll('"', ""));
    out.push(...(/"([^"]*)"/.exec(value)?.slice(1) ?? []));
  }
  if (/\p{Cc}/u.test(value)) {
    out.push(value.replace(/\p{Cc}/gu, ""), value.split(/\p{Cc}/u, 1)[0]!);
  }
  if (value.includes("=?")) out.push(decodeWords(value));
  if (/%[0-9a-f]{2}/i.test(value)) out.push(...decodeExtended(value));
  if (value.includes(";")) out.push(value.replaceAll(";", ""));
  if (value.includes(",")) out.push(value.split(",", 1)[0]!.trim());
  return out.filter((one) => one !== "");
}
