/** The ENVELOPE of a message that the gate has changed: RFC 9051, section 7.5.2. */
import { MAX_ADDRESSES } from "./limits.ts";
import { fieldValue, type Part } from "./mime_tree.ts";
import { imapString } from "./pieces.ts";

/** A string, or NIL where there is none. */
export function nstring(text: string | undefined): string {
  return text === undefined ? "NIL" : imapString(text);
}

/** ENVELOPE of a part that is a message. */
export function envelopeOf(message: Uint8Array, part: Part): string {
  const value = (name: string) => fieldValue(message, part, name);
  const from = addressList(value("from"));
  const orFrom = (list: string) => list === "NIL" ? from : list;
  return `(${
    [
      nstring(value("date")),
      nstring(value("subject")),
      from,
      orFrom(addressList(value("sender"))),
      orFrom(addressList(value("reply-to"))),
      addressList(value("to")),
      addressList(value("cc")),
      addressList(value("bcc")),
      nstring(value("in-reply-to")),
      nstring(value("message-id")),
    ].join(" ")
  })`;
}

/** A host that is NIL would begin a group; these words are Dovecot's. */
const NO_MAILBOX = "MISSING_MAILBOX";
const NO_HOST = "MISSING_DOMAIN";

interface Address {
  readonly name?: string;
  readonly route?: string;
  readonly mailbox?: string;
  readonly host?: string;
}

/** A list of addresses as ENVELOPE has it; NIL where there are none. */
export function addressList(text: string | undefined): string {
  const addresses = text === undefined ? [] : parseAddresses(text);
  if (addresses.length === 0) return "NIL";
  return `(${
    addresses.map(({ name, route, mailbox, host }) =>
      `(${nstring(name)} ${nstring(route)} ${nstring(mailbox)} ${nstring(host)})`
    ).join("")
  })`;
}

/** A token: a letter of the syntax, a word, or what a comment says. */
type Token = { readonly kind: "special" | "word" | "comment"; readonly text: string };

function* tokens(text: string): Generator<Token> {
  for (let i = 0; i < text.length;) {
    const char = text[i]!;
    if (char === " " || char === "\t") i++;
    else if (char === '"') {
      const match = /"((?:[^"\\]|\\.)*)"?/ys;
      match.lastIndex = i;
      const [whole, inner] = match.exec(text)!;
      yield { kind: "word", text: inner!.replace(/\\(.)/gs, "$1") };
      i += whole.length;
    } else if (char === "(") {
      let depth = 0;
      const start = i;
      do {
        if (text[i] === "\\") i++;
        else if (text[i] === "(") depth++;
        else if (text[i] === ")") depth--;
        i++;
      } while (i < text.length && depth > 0);
      yield { kind: "comment", text: text.slice(start + 1, depth === 0 ? i - 1 : i) };
    } else if ("<>,:;@".includes(char)) {
      yield { kind: "special", text: char };
      i++;
    } else if (char === "[") {
      const close = text.indexOf("]", i);
      const end = close === -1 ? text.length : close + 1;
      yield { kind: "word", text: text.slice(i, end) };
      i = end;
    } else {
      const match = /[^\s"(<>,:;@[]+/y;
      match.lastIndex = i;
      const [word] = match.exec(text)!;
      yield { kind: "word", text: word };
      i += word.length;
    }
  }
}

/** RFC 5322, section 3.4: mailboxes, `name <mailbox>` and groups. What is none of these is a mailbox without a host. */
function parseAddresses(text: string): Address[] {
  const addresses: Address[] = [];
  let words: Token[] = [];
  let angle: Token[] | undefined;
  let inAngle = false;
  let group = false;
  const finish = () => {
    if (angle || words.some(({ kind }) => kind !== "comment")) {
      addresses.push(angle ? named(words, angle) : plain(words));
    }
    words = [];
    angle = undefined;
    inAngle = false;
  };
  for (const token of tokens(text)) {
    if (addresses.length >= MAX_ADDRESSES) break;
    const special = token.kind === "special" ? token.text : "";
    if (inAngle) {
      if (special === ">") inAngle = false;
      else angle!.push(token);
    } else if (special === "<") {
      angle = [];
      inAngle = true;
    } else if (special === ",") finish();
    else if (special === ":" && !group) {
      addresses.push({ mailbox: phrase(words) }); // begins a group
      words = [];
      group = true;
    } else if (special === ";" && group) {
      finish();
      addresses.push({}); // ends it
      group = false;
    } else words.push(token);
  }
  finish();
  if (group) addresses.push({});
  return addresses;
}

function phrase(words: readonly Token[]): string {
  return words.filter(({ kind }) => kind !== "comment").map(({ text }) => text).join(" ").trim();
}

function named(words: readonly Token[], angle: readonly Token[]): Address {
  const name = phrase(words);
  const colon = angle.findIndex(({ kind, text }) => kind === "special" && text === ":");
  const route = colon === -1 ? "" : angle.slice(0, colon).map(({ text }) => text).join("");
  return {
    ...(name === "" ? {} : { name }),
    ...(route === "" ? {} : { route }),
    ...split(angle.slice(colon + 1)),
  };
}

function plain(words: readonly Token[]): Address {
  const comment = words.find(({ kind }) => kind === "comment")?.text;
  const rest = words.filter(({ kind }) => kind !== "comment");
  return { ...(comment === undefined ? {} : { name: comment }), ...split(rest) };
}

function split(words: readonly Token[]): Address {
  const inner = words.filter(({ kind }) => kind !== "comment");
  const at = inner.findLastIndex(({ kind, text }) => kind === "special" && text === "@");
  const text = (tokens: readonly Token[], between: string) =>
    tokens.map(({ text }) => text).join(between);
  const mailbox = at === -1 ? text(inner, " ") : text(inner.slice(0, at), "");
  const host = at === -1 ? "" : text(inner.slice(at + 1), "");
  return { mailbox: mailbox || NO_MAILBOX, host: host || NO_HOST };
}
