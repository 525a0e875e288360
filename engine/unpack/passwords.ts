/** Passwords to try on what is encrypted: a configured list, and the words of the message, likeliest first. */

import type { Budget } from "../budget.ts";

/** What part of the time limit the passwords of one container may take. */
const PASSWORD_TIME = 0.25;
/** Most passwords that are tried on one container; slow ones are bounded by time, too. */
const MAX_CANDIDATES = 400;
/** Octets of one text that are looked at. */
const MAX_TEXT = 128 << 10;
/** Texts of one object that are looked at. */
const MAX_TEXTS = 16;
const MAX_LENGTH = 64;

/** What stands before a password, in the languages of Europe and some more. */
const KEYWORD =
  /(?:pass[- ]?(?:word|code|phrase|wort|wd)?|kenn?wort|pwd?|pin|codes?|heslo|hesla|hasło|haslo|contrase(?:ñ|n)a|clave|mot de passe|senha|palavra-passe|parola?|wachtwoord|lösenord|losenord|salasana|adgangskode|passord|şifre|sifre|jelszó|geslo|lozinka|пароль|密码|密碼|パスワード|암호)/giu;

const QUOTED = /["'“”„‟‘’‚«»`]([^"'“”„‟‘’‚«»`\n]{1,64})["'“”„‟‘’‚«»`]/gu;
/** Marks that stand around a word and not in it; a password may still have them, so both are tried. */
const EDGES = /^[\s"'“”„‟‘’‚«»`([{<:=>–—-]+|[\s"'“”„‟‘’‚«»`)\]}>.,;:!?]+$/gu;

/** How much a word looks like a password: letters with digits before marks, those before plain words. */
function likeliness(word: string): number {
  return (/\d/.test(word) ? 2 : 0) + (/[^\p{L}\d]/u.test(word) ? 1 : 0) +
    (/\p{Lu}/u.test(word.slice(1)) ? 1 : 0);
}

/** Words of a text, in the order in which they are worth trying. */
export function wordsToTry(text: string): readonly string[] {
  const found = new Set<string>();
  const add = (word: string) => {
    for (const candidate of [word.replace(EDGES, ""), word]) {
      if (candidate.length > 0 && candidate.length <= MAX_LENGTH) found.add(candidate);
    }
  };
  for (const match of text.matchAll(KEYWORD)) {
    const behind = text.slice(match.index + match[0].length, match.index + match[0].length + 200);
    const line = /[:=]\s*(\S[^\n\r]{0,63})/u.exec(behind.slice(0, 100));
    for (const word of behind.trim().split(/\s+/u).slice(0, 5)) add(word);
    if (line?.[1]) add(line[1].trim()); // one with blanks in it
  }
  for (const [, word = ""] of text.matchAll(QUOTED)) add(word);
  const words = [...new Set(text.split(/\s+/u))].filter((word) => word.length >= 3);
  for (const word of words.sort((a, b) => likeliness(b) - likeliness(a))) {
    if (found.size >= MAX_CANDIDATES) break;
    add(word);
  }
  return [...found].slice(0, MAX_CANDIDATES);
}

/** Text of a page without its marks. */
function plainText(octets: Uint8Array): string {
  const text = new TextDecoder().decode(octets.subarray(0, MAX_TEXT));
  if (!/<\w+[^>]*>/.test(text)) return text;
  return text.replace(/<(?:style|script)\b[\s\S]*?<\/(?:style|script)>/gi, " ")
    .replace(/<[^>]*>/g, " ").replace(/&nbsp;|&#160;/g, " ").replace(/&quot;/g, '"')
    .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&#39;|&apos;/g, "'")
    .replace(/&amp;/g, "&");
}

/** The passwords of one scan. Nothing is made until something is encrypted. */
export class Passwords {
  readonly #configured: readonly string[];
  readonly #texts: (Uint8Array | string)[] = [];
  /** What worked, latest first. */
  readonly #worked: string[] = [];
  #words: readonly string[] | undefined;
  #asked = 0;

  constructor(configured: readonly string[] = []) {
    this.#configured = configured;
  }

  /** A text that may name a password: a subject, or octets of text or HTML. */
  addText(text: Uint8Array | string): void {
    if (this.#texts.length >= MAX_TEXTS || text.length === 0) return;
    this.#texts.push(text);
    this.#words = undefined;
  }

  /** How often they were asked for. */
  get asked(): number {
    return this.#asked;
  }

  /** All, likeliest first, each once. */
  candidates(): readonly string[] {
    this.#asked++;
    this.#words ??= this.#texts.flatMap((text) =>
      wordsToTry(typeof text === "string" ? text : plainText(text))
    );
    const all = [...this.#worked, ...this.#configured, ...this.#words];
    return [...new Set(all)].slice(0, MAX_CANDIDATES);
  }

  /** Tells that one fitted: it is tried first from now on. */
  fits(password: string): void {
    if (!this.#worked.includes(password)) this.#worked.unshift(password);
  }
}

/**
 * Tries passwords on one container: for a part of the time limit, and never over its end.
 *
 * @param first Tried before all others: what programs take where none is asked for.
 * @param open What the password opens; `undefined` where it does not fit. `time` is false once it has to stop.
 */
export function fittingPassword<Opened>(
  { budget, passwords }: { readonly budget: Budget; readonly passwords: Passwords },
  first: readonly string[],
  open: (password: string, time: () => boolean) => Opened | undefined,
): Opened | undefined {
  const end = performance.now() + budget.limits.timeMs * PASSWORD_TIME;
  const time = () => performance.now() < end && budget.timeNow();
  for (const password of new Set([...first, ...passwords.candidates()])) {
    if (!time()) return undefined;
    const opened = open(password, time);
    if (opened === undefined) continue;
    if (!first.includes(password)) passwords.fits(password);
    return opened;
  }
  return undefined;
}
