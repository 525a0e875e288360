import { Buffer } from "node:buffer";
import { looksLikeMail } from "../message/looks_like_mail.ts";
import { begins, isWhite } from "../message/lines.ts";
import type { FileType } from "../file_types.ts";

/** How much of a text is looked at. */
const WINDOW_OCTETS = 4096;
const utf16le = new TextDecoder("utf-16le");
const utf16be = new TextDecoder("utf-16be");

/** Interpreters of `#!` lines (execve(2)); `env` and paths are skipped. */
const INTERPRETERS: readonly { readonly type: FileType; readonly name: RegExp }[] = [
  { type: "shell", name: /^(ba|da|k|z|c|tc|a|fi)?sh$|^busybox$/ },
  { type: "perl", name: /^perl/ },
  { type: "python", name: /^(python|pypy)/ },
  { type: "php", name: /^php/ },
  { type: "ruby", name: /^ruby/ },
  { type: "javascript", name: /^(node|deno|bun)/ },
  { type: "script", name: /./ },
];

/**
 * Text that says what it is in its first lines; the first row that matches wins. A comment ends at its first end: could it go on
 * to a later one, many of them could be read in more ways than there is time.
 */
const TEXTS: readonly { readonly type: FileType; readonly text: RegExp }[] = [
  { type: "hta", text: /<hta:application/i },
  {
    type: "svg",
    text: /^(<\?xml[^>]*>\s*|<!--(?:(?!-->)[^])*-->\s*|<!doctype svg[^>]*>\s*)*<(\w+:)?svg[\s>]/i,
  },
  {
    type: "html",
    text:
      /^(<\?xml[^>]*>\s*|<!--(?:(?!-->)[^])*-->\s*)*<(!doctype html|html|head|body|script|iframe|title|meta|table|div|style|font|center|h1|p|a|br|img|base|form|span)[\s>]/i,
  },
  { type: "xml", text: /^<\?xml[\s?]/i },
  { type: "xml", text: /^<[\w:-]+\s+xmlns/i },
  { type: "php", text: /^<\?(php|=)/i },
  { type: "uuencode", text: /^begin(-base64)? [0-7]{3,4} \S/m },
  { type: "yenc", text: /^=ybegin .*line=\d+/m },
  { type: "binhex", text: /^\(This file must be converted with BinHex/m },
  { type: "batch", text: /^@?echo off\b/i },
  {
    type: "powershell",
    text: /^(\$[A-Za-z_]\w*\s*=\s*(New-Object|\[[A-Z])|param\s*\(|IEX\b|Invoke-Expression)/im,
  },
  {
    type: "vbscript",
    text: /^\s*(Set \w+ = (WScript\.)?CreateObject\(|On Error Resume Next|Dim \w+(, \w+)*\r?$)/im,
  },
  { type: "pgp", text: /^-----BEGIN PGP MESSAGE-----/m },
  { type: "html", text: /<(html|body|script|iframe)[\s>]/i },
];

const LESS_THAN = 60;

/** Tags that {@link TEXTS} asks for wherever they stand, lower case; any other `<` counts only where nothing is before it. */
const TAGS: readonly string[] = ["html", "hta:application", "body", "script", "iframe"];

/** What lines begin with, lower case, that {@link TEXTS} asks for besides `<`: without one of them no row need be tried. */
const LINE_STARTS: ReadonlyMap<number, readonly string[]> = Map.groupBy(
  [
    "begin",
    "=ybegin",
    "(this file must",
    "@echo off",
    "echo off",
    "$",
    "param",
    "iex",
    "invoke-expression",
    "set ",
    "on error resume next",
    "dim ",
    "-----begin pgp",
  ],
  (start) => start.charCodeAt(0),
);

/**
 * Tells the type of text, or that it is none.
 *
 * @returns `undefined` where the octets are not text.
 */
export function textType(octets: Uint8Array): FileType | undefined {
  const window = octets.subarray(0, WINDOW_OCTETS);
  const [a, b, c] = window;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    const decoded = (a === 0xff ? utf16le : utf16be).decode(window.subarray(2, window.length & ~1));
    return markedType(decoded.trimStart()) ?? "utf16";
  }
  if (!isText(window)) return undefined;
  const bom = a === 0xef && b === 0xbb && c === 0xbf ? 3 : 0;
  if (mayBeMarked(window, bom)) {
    const text = Buffer.from(window.buffer, window.byteOffset, window.length)
      .toString("latin1", bom);
    if (text.startsWith("#!")) return interpreterType(text);
    if (/^From \S+.*\d{4}\r?\n/.test(text)) return "mbox";
    const marked = markedType(text.trimStart());
    if (marked === "uuencode" && looksLikeMail(octets)) return "message";
    if (marked) return marked;
  }
  return looksLikeMail(octets) ? "message" : "text";
}

/** Rows of {@link TEXTS} that hold files, wherever they stand; programs that look for them pass over what is before. */
const WITHIN = TEXTS.filter(({ type }) =>
  type === "uuencode" || type === "yenc" || type === "binhex"
).concat(TEXTS.slice(-1));

/** Files and markup in octets that begin like something else: browsers and decoders go by the name, and look for their own words. */
export function typesInText(octets: Uint8Array): readonly FileType[] {
  const window = octets.subarray(0, WINDOW_OCTETS);
  if (!mayBeMarked(window, 0)) return [];
  const text = Buffer.from(window.buffer, window.byteOffset, window.length).toString("latin1");
  return WITHIN.filter((row) => row.text.test(text)).map(({ type }) => type);
}

/** Whether octets that look like mail have a header of their own, and not just a delimiter that some header around them told of. */
export function hasOwnHeader(octets: Uint8Array): boolean {
  const end = Math.min(octets.length, WINDOW_OCTETS);
  for (let at = 0; at < end; at++) {
    const octet = octets[at]!;
    const isByteOrderMark = octet === 0xef || octet === 0xbb || octet === 0xbf;
    if (octet !== 0 && !isWhite(octet) && !isByteOrderMark) return !begins(octets, at, "--");
  }
  return false;
}

/** Whether a row of {@link TEXTS} can match, by its octets alone: most text is none of them, and need not become a string. */
function mayBeMarked(window: Uint8Array, start: number): boolean {
  if (begins(window, start, "#!") || begins(window, start, "from ")) return true;
  const { length } = window;
  let at = start;
  while (at < length && isWhite(window[at]!)) at++;
  if (window[at] === LESS_THAN) return true;
  for (
    let tag = window.indexOf(LESS_THAN, at);
    tag >= 0;
    tag = window.indexOf(LESS_THAN, tag + 1)
  ) {
    if (beginsAny(window, tag + 1, TAGS)) return true;
  }
  while (at < length) {
    while (at < length && isWhite(window[at]!) && !isLineEnd(window[at]!)) at++;
    const octet = window[at] ?? 0;
    const starts = LINE_STARTS.get(octet >= 65 && octet <= 90 ? octet | 32 : octet);
    if (starts && beginsAny(window, at, starts)) return true;
    while (at < length && !isLineEnd(window[at]!)) at++;
    at++;
  }
  return false;
}

function isLineEnd(octet: number): boolean {
  return octet === 10 || octet === 13;
}

function beginsAny(window: Uint8Array, at: number, texts: readonly string[]): boolean {
  return texts.some((text) => begins(window, at, text));
}

function markedType(text: string): FileType | undefined {
  for (const { type, text: pattern } of TEXTS) if (pattern.test(text)) return type;
  return undefined;
}

function interpreterType(text: string): FileType {
  const line = /^#!\s*([^\r\n]*)/.exec(text)?.[1] ?? "";
  const words = line.split(/\s+/).map((word) => word.slice(word.lastIndexOf("/") + 1));
  const name = (words[0] === "env" ? words.slice(1).find((w) => !/^-|=/.test(w)) : words[0]) ?? "";
  return INTERPRETERS.find((row) => row.name.test(name))?.type ?? "script";
}

/**
 * Text holds no NUL and hardly any control octet; 8-bit octets are fine in any charset. ESC starts ISO-2022 sequences, FF and SUB
 * are found in old text.
 */
function isText(window: Uint8Array): boolean {
  let odd = 0;
  for (let i = 0; i < window.length; i++) {
    const octet = window[i] ?? 0;
    if (octet === 0) return false;
    if (octet < 0x20 && (octet < 0x08 || octet > 0x0d) && octet !== 0x1b && octet !== 0x1a) odd++;
  }
  return odd * 50 <= window.length;
}
