/** What stands behind the commands of an MTA. Whatever does not fit its shape is refused, not guessed. */
import { Buffer } from "node:buffer";
import ipaddr from "ipaddr.js";
import { PosternError } from "../../errors.ts";
import { plainAddress } from "../stream.ts";
import {
  MAX_ADDRESS_OCTETS,
  MAX_ARGUMENTS,
  MAX_MACRO_OCTETS,
  MAX_MACROS,
  MAX_NAME_OCTETS,
} from "./limits.ts";

/** A client as CONNECT names it. */
export interface ConnectArgument {
  /** Absent where the MTA found no name. */
  readonly name?: string;
  /** Absent for a client on a unix socket or none. */
  readonly address?: string;
  /**
   * A program on the mail server itself, which has no connection: Postfix names it 127.0.0.1 with port 0 (non_smtpd_milters). Its
   * recipients cannot be refused one by one: the mail would stay where it is, and be tried again and again.
   */
  readonly submitted?: true;
}

/** An address of MAIL or RCPT. */
export interface AddressArgument {
  /** Octet by octet, with `<>`: as the MTA wants it back. */
  readonly raw: Uint8Array;
  /** Without `<>` and route, the domain in lower case. */
  readonly address: string;
}

/** A header field as it came. */
export interface HeaderArgument {
  readonly name: Uint8Array;
  /** Folds as LF. */
  readonly value: Uint8Array;
}

function bad(what: string): never {
  throw new PosternError("wire/bad-frame", what);
}

/** Octets up to each NUL. @throws {PosternError} `wire/bad-frame` where the last one has no NUL, or there are too many. */
function strings(data: Uint8Array, most: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < data.length) {
    const end = data.indexOf(0, at);
    if (end === -1) bad("A string of a command has no end");
    if (found.length === most) bad(`A command has more than ${most} strings`);
    found.push(data.subarray(at, end));
    at = end + 1;
  }
  return found;
}

/** UTF-8 where it is such (RFC 6531), else Latin-1, so that every octet can be told from others. */
function text(octets: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return Buffer.from(octets).toString("latin1");
  }
}

/**
 * CONNECT: name NUL family, and but for family U a uint16 port and address NUL. Sendmail writes `IPv6:` before an address.
 *
 * @throws {PosternError} `wire/bad-frame`
 */
export function parseConnect(data: Uint8Array): ConnectArgument {
  const end = data.indexOf(0);
  if (end === -1 || end > MAX_NAME_OCTETS) bad("CONNECT has no host name");
  const name = text(data.subarray(0, end));
  const family = String.fromCharCode(data[end + 1] ?? 0);
  const rest = data.subarray(end + 2);
  const known = name === "" || name === "unknown" || /^\[.*\]$/.test(name) ? {} : { name };
  if (family === "U") return known; // what may follow is of no use
  const stop = rest.indexOf(0, 2);
  if (stop === -1) bad("CONNECT has no address");
  if (family === "L") return known;
  if (family !== "4" && family !== "6") bad("CONNECT has an unknown family of addresses");
  const address = text(rest.subarray(2, stop)).replace(/^IPv6:/i, "");
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) {
    bad(`CONNECT has no address but ${JSON.stringify(address)}`);
  }
  const plain = plainAddress(ipaddr.process(address).toString());
  const submitted = rest[0] === 0 && rest[1] === 0 && /^(?:127\.|::1$)/.test(plain);
  return { ...known, address: plain, ...(submitted ? { submitted } : {}) };
}

/** HELO: name NUL. @throws {PosternError} `wire/bad-frame` */
export function parseHelo(data: Uint8Array): string {
  const name = strings(data, 1)[0];
  if (!name || name.length > MAX_NAME_OCTETS) bad("HELO has no name");
  return text(name);
}

/** MAIL and RCPT: the address with `<>`, then ESMTP parameters, each with NUL. @throws {PosternError} `wire/bad-frame` */
export function parseAddress(data: Uint8Array): AddressArgument {
  const raw = strings(data, MAX_ARGUMENTS)[0];
  if (!raw || raw.length > MAX_ADDRESS_OCTETS) bad("There is no address, or one that is too long");
  const inner = text(raw).trim().replace(/^<([^]*)>$/, "$1").trim();
  const address = inner.replace(/^@[^:"]*:/, ""); // a route: RFC 5321, appendix C
  const at = address.lastIndexOf("@");
  const whole = at === -1 ? address : address.slice(0, at) + address.slice(at).toLowerCase();
  return { raw: raw.slice(), address: whole };
}

/** HEADER: name NUL value NUL. @throws {PosternError} `wire/bad-frame`, also for a NUL inside and a name that is none. */
export function parseHeader(data: Uint8Array): HeaderArgument {
  const [name, value] = strings(data, 2);
  if (!name || !value) bad("A header field has no name or no value");
  if (name.length === 0 || name.some((octet) => octet < 32 || octet === 58 || octet === 127)) {
    bad("A header field has a name that is none");
  }
  return { name, value };
}

/** MACRO: the command that it is for, then name NUL value NUL. @throws {PosternError} `wire/bad-frame` */
export function parseMacros(
  data: Uint8Array,
): { readonly command: string; readonly macros: ReadonlyMap<string, string> } {
  if (data.length === 0) bad("Macros have no command");
  if (data.length > MAX_MACRO_OCTETS) bad("There are too many octets of macros");
  const pairs = strings(data.subarray(1), MAX_MACROS * 2);
  if (pairs.length % 2 !== 0) bad("A macro has no value");
  const macros = new Map<string, string>();
  for (let i = 0; i < pairs.length; i += 2) {
    macros.set(text(pairs[i]!).replace(/^\{(.*)\}$/, "$1"), text(pairs[i + 1]!));
  }
  return { command: String.fromCharCode(data[0]!), macros };
}
