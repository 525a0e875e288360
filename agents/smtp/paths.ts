import { PosternError } from "../../errors.ts";
import { MAX_DOMAIN_OCTETS, MAX_LOCAL_OCTETS, MAX_PATH_OCTETS } from "./limits.ts";

const encoder = new TextEncoder();
/** `@a,@b:` before the address: a route that nobody follows any more (RFC 5321, appendix C). */
const ROUTE = /^@[^\s<>",:@]+(?:,@[^\s<>",:@]+)*:/;
const QUOTED = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\u{10ffff}]|\\[\x20-\x7e])*"/u;
/** Atoms and dots; more lenient than the grammar in where dots stand, as old mobile addresses are. */
const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+/u;
const LABEL = String
  .raw`[\w\u0080-\u{10ffff}](?:[\w\u0080-\u{10ffff}-]{0,250}[\w\u0080-\u{10ffff}])?`;
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`, "u");
const LITERAL = /^\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]$/;

/** A path of MAIL or RCPT. */
export interface ParsedPath {
  /** `""` for `<>`; the local part as given, the domain in lower case. */
  readonly address: string;
  /** Whether it holds characters outside ASCII. */
  readonly utf8: boolean;
  /** The unread ESMTP parameters. */
  readonly rest: string;
}

/**
 * Parses the path of a MAIL or RCPT command.
 *
 * @param argument What stands behind `FROM:` or `TO:`, CRLF removed.
 * @throws {PosternError} `smtp/bad-path` if the grammar does not match.
 * @see RFC 5321, section 4.1.2; sizes in section 4.5.3.1; RFC 6531, section 3.3.
 */
export function parsePath(argument: string): ParsedPath {
  const text = argument.replace(/^ */, ""); // a blank behind the colon is wrong and common
  if (!text.startsWith("<")) bad();
  let at = 1;
  const route = ROUTE.exec(text.slice(at));
  if (route) at += route[0].length;
  const inner = text.slice(at);
  const local = (inner.startsWith('"') ? QUOTED : ATOMS).exec(inner)?.[0] ?? "";
  at += local.length;
  let domain = "";
  if (local && text[at] === "@") {
    const end = text.indexOf(">", at);
    domain = text.slice(at + 1, end === -1 ? undefined : end);
    if (!LITERAL.test(domain) && !(domain.length <= MAX_DOMAIN_OCTETS && DOMAIN.test(domain))) {
      bad();
    }
    at += 1 + domain.length;
  }
  if (text[at] !== ">" || (route && !domain)) bad();
  const rest = text.slice(at + 1);
  if (rest !== "" && !rest.startsWith(" ")) bad();
  const address = domain ? `${local}@${domain.toLowerCase()}` : local;
  const octets = encoder.encode(address).length;
  if (
    octets > MAX_PATH_OCTETS || encoder.encode(local).length > MAX_LOCAL_OCTETS ||
    encoder.encode(domain).length > MAX_DOMAIN_OCTETS
  ) bad();
  return { address, utf8: octets !== address.length, rest };
}

/** An ESMTP parameter: `SIZE=1000` or `SMTPUTF8`. */
export interface Parameter {
  /** Upper case. */
  readonly name: string;
  readonly value?: string;
}

/**
 * @param rest What stands behind a path.
 * @throws {PosternError} `smtp/bad-path` if the grammar does not match or a parameter stands twice.
 * @see RFC 5321, section 4.1.1.11.
 */
export function parseParameters(rest: string): readonly Parameter[] {
  if (rest === "") return [];
  const parameters: Parameter[] = [];
  for (const word of rest.split(" ")) {
    if (word === "") continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\u0080-\u{10ffff}]+))?$/u
      .exec(word);
    if (!match) bad();
    const name = match[1]!.toUpperCase();
    if (parameters.some((each) => each.name === name)) bad();
    parameters.push({ name, ...(match[2] === undefined ? {} : { value: match[2] }) });
  }
  return parameters;
}

function bad(): never {
  throw new PosternError("smtp/bad-path", "Cannot parse the path");
}
