import ipaddr from "ipaddr.js";
import { plainAddress } from "../stream.ts";
import { MAX_ATTRIBUTE_CHARACTERS } from "./limits.ts";
import { decodeXtext, encodeXtext } from "./xtext.ts";

/** Who the client is, as the connection, XCLIENT or XFORWARD say. Absent: not known. */
export interface ClientFacts {
  readonly address?: string;
  readonly name?: string;
  readonly port?: string;
  readonly helo?: string;
  readonly protocol?: string;
  readonly login?: string;
  /** IDENT of XFORWARD: the queue id at the sender. */
  readonly ident?: string;
  readonly source?: "LOCAL" | "REMOTE";
}

/** Attributes that XFORWARD takes (XFORWARD_README). */
export const XFORWARD_ATTRIBUTES = [
  "NAME",
  "ADDR",
  "PORT",
  "PROTO",
  "HELO",
  "IDENT",
  "SOURCE",
] as const;
/** Attributes that XCLIENT takes (XCLIENT_README). */
export const XCLIENT_ATTRIBUTES = [
  "NAME",
  "ADDR",
  "PORT",
  "PROTO",
  "HELO",
  "LOGIN",
  "DESTADDR",
  "DESTPORT",
] as const;

/** What the attributes of a command say; `undefined` as value where the peer says that it does not know. */
export type SaidFacts = ReadonlyMap<keyof ClientFacts, string | undefined>;

const FIELDS: Readonly<Record<string, keyof ClientFacts | undefined>> = {
  NAME: "name",
  ADDR: "address",
  PORT: "port",
  PROTO: "protocol",
  HELO: "helo",
  LOGIN: "login",
  IDENT: "ident",
  SOURCE: "source",
};

/** Parses the attributes of XFORWARD; see {@link parseAttributes}. */
export function parseXforward(argument: string): SaidFacts | undefined {
  return parseAttributes(argument, XFORWARD_ATTRIBUTES);
}

/** Parses the attributes of XCLIENT; see {@link parseAttributes}. */
export function parseXclient(argument: string): SaidFacts | undefined {
  return parseAttributes(argument, XCLIENT_ATTRIBUTES);
}

/**
 * Parses the attributes of XFORWARD or XCLIENT.
 *
 * @param argument `NAME=value ...`, values in xtext.
 * @returns facts by field, `undefined` as value where the peer says that it does not know; `undefined` for the whole when a name
 * is not allowed, stands twice, or a value is malformed, too long or holds control characters.
 */
export function parseAttributes(
  argument: string,
  allowed: readonly string[],
): SaidFacts | undefined {
  const facts = new Map<keyof ClientFacts, string | undefined>();
  const seen = new Set<string>();
  for (const word of argument.split(" ")) {
    const equals = word.indexOf("=");
    const name = word.slice(0, Math.max(equals, 0)).toUpperCase();
    if (!allowed.includes(name) || seen.has(name)) return undefined;
    seen.add(name);
    const value = decodeXtext(word.slice(equals + 1));
    if (value === undefined || value.length > MAX_ATTRIBUTE_CHARACTERS) return undefined;
    if (/[\p{Cc}\p{Zl}\p{Zp}\ufffd]/u.test(value)) return undefined;
    const known = value !== "" && value !== "[UNAVAILABLE]" && value !== "[TEMPUNAVAIL]";
    const checked = known ? check(name, value) : "";
    if (checked === undefined) return undefined;
    const field = FIELDS[name]; // DESTADDR and DESTPORT are checked and not used
    if (field) facts.set(field, known ? checked : undefined);
  }
  return facts.size > 0 || seen.size > 0 ? facts : undefined;
}

/** The value in our form, or `undefined` when it is not one. */
function check(name: string, value: string): string | undefined {
  switch (name) {
    case "ADDR":
    case "DESTADDR": {
      const address = value.replace(/^IPV6:/i, "");
      if (!ipaddr.IPv6.isValid(address) && !ipaddr.IPv4.isValidFourPartDecimal(address)) {
        return undefined;
      }
      return plainAddress(ipaddr.process(address).toString());
    }
    case "PORT":
    case "DESTPORT":
      return /^\d{1,5}$/.test(value) && Number(value) < 65536 ? value : undefined;
    case "SOURCE":
      return /^(?:LOCAL|REMOTE)$/i.test(value) ? value.toUpperCase() : undefined;
    case "PROTO":
      return /^[A-Za-z0-9-]{1,32}$/.test(value) ? value.toUpperCase() : undefined;
    case "LOGIN":
      return value;
    default: // names, HELO and queue ids: XFORWARD_README allows no blanks and no special characters
      return /[\s<>()\\";@,]/.test(value) ? undefined : value;
  }
}

/** Lays what a command said over what was known before; what it says is unknown is taken out. */
export function mergeFacts(
  before: ClientFacts,
  said: SaidFacts,
): ClientFacts {
  const merged: Record<string, string> = { ...before };
  for (const [field, value] of said) {
    if (value === undefined) delete merged[field];
    else merged[field] = value;
  }
  return merged;
}

/** XFORWARD lines for a next hop, each at most 512 octets with CRLF. */
export function forwardLines(facts: ClientFacts, offered: readonly string[]): string[] {
  const address = facts.address?.includes(":") ? `IPV6:${facts.address}` : facts.address;
  const values: [string, string | undefined][] = [
    ["NAME", facts.name],
    ["ADDR", address],
    ["PORT", facts.port],
    ["PROTO", facts.protocol],
    ["HELO", facts.helo],
    ["IDENT", facts.ident],
    ["SOURCE", facts.source],
  ];
  const lines: string[] = [];
  let line = "XFORWARD";
  for (const [name, value] of values) {
    if (!offered.includes(name)) continue;
    const word = ` ${name}=${value === undefined ? "[UNAVAILABLE]" : encodeXtext(value)}`;
    if (line.length + word.length > 510) {
      lines.push(line);
      line = "XFORWARD";
    }
    line += word;
  }
  if (line !== "XFORWARD") lines.push(line);
  return lines;
}
