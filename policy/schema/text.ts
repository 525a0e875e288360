/** Texts of a policy document that have a form of their own: addresses, networks, globs, sizes, times, replies. */
import * as z from "zod";
import { parseNetwork } from "../network.ts";
import { parseTime, SIZE_PATTERN, TIME_PATTERN } from "../units.ts";

/** `user@domain`, `@domain`, `@*.domain` (every domain below it) or `<>` (the null sender). */
export type AddressPattern = `${string}@${string}` | "<>";
/** `50MB`: a number with one of the units; 1 KB is 1024 octets. */
export type SizeText = `${number}${"B" | "KB" | "MB" | "GB" | "TB"}`;
/** `30s`: a number with one of the units. */
export type TimeText = `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const DOMAIN = String.raw`(?:[^\s@*?.<>,;"\[\]]+(?:\.[^\s@*?.<>,;"\[\]]+)*|\[[^\s\]]+\])`;
const LOCAL = String.raw`(?:[^\s@*?"<>]+|"[^"]*")`;

/** Form of {@link AddressPattern}. */
export const ADDRESS_PATTERN = new RegExp(`^(?:<>|@(?:\\*\\.)?${DOMAIN}|${LOCAL}@${DOMAIN})$`, "u");
/** Form of a whole mailbox address. */
export const MAILBOX_PATTERN = new RegExp(`^${LOCAL}@${DOMAIN}$`, "u");
/** Form of a domain of `local.domains`. */
export const DOMAIN_PATTERN = new RegExp(`^(?:\\*\\.)?${DOMAIN}$`, "u");
/** A whole reply: code and enhanced code of one class, and printable ASCII (RFC 5321, section 4.2; RFC 3463, section 2). */
export const REPLY_PATTERN = /^(?:5\d\d 5|4\d\d 4)\.\d{1,3}\.\d{1,3} [\x20-\x7e]{1,400}$/;
/** Names of rules, lists, groups: no control characters, so that they are safe in logs. */
export const NAME_PATTERN = /^[^\p{Cc}\u2028\u2029]{1,200}$/u;

/** Addresses of senders or recipients. */
export const addressPattern = z.string().regex(
  ADDRESS_PATTERN,
  "an address: user@domain, @domain, @*.domain (every domain below it) or <> (the null sender)",
).max(320).describe("address: `user@domain`, `@domain`, `@*.domain`, `<>`") as z.ZodType<
  AddressPattern,
  AddressPattern
>;

/** One mailbox, to which something is sent. */
export const mailbox = z.string().regex(MAILBOX_PATTERN, "an address: user@domain").max(
  320,
).describe("address: `user@domain`") as z.ZodType<
  `${string}@${string}`,
  `${string}@${string}`
>;

/** A domain, or `*.domain` for every domain below it. */
export const domainPattern = z.string().regex(
  DOMAIN_PATTERN,
  "a domain: example.org or *.example.org",
).max(255).describe("domain: `example.org`, `*.example.org`");

/** An address or a network in CIDR form. */
export const network = z.string().refine((text) => parseNetwork(text) !== undefined, {
  error:
    "an IP address or a network: 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 (no bits set behind the prefix)",
}).describe("IP address or network: `192.0.2.0/24`");

/** A text with `*` (any characters) and `?` (one character); case does not matter. */
export const glob = z.string().regex(
  NAME_PATTERN,
  "a text of 1 to 200 characters; * stands for any characters, ? for one",
).describe("text with `*` and `?`");

/** A name as it stands, no wildcards. */
export const exactName = z.string().regex(NAME_PATTERN, "a name of 1 to 200 characters").describe(
  "name",
);

/** A file name's ending behind the last dot. */
export const extension = z.string().regex(
  /^[^.\s/\\*?]{1,32}$/u,
  "an extension without its dot: exe, docm",
).describe("extension without its dot");

/** A size with its unit. */
export const size = z.string().regex(
  SIZE_PATTERN,
  "a size with its unit (B, KB, MB, GB, TB): 50MB",
).describe("size: `50MB`") as z.ZodType<
  SizeText,
  SizeText
>;

/** A time with its unit. */
export const time = z.string().regex(
  TIME_PATTERN,
  "a time with its unit (ms, s, m, h, d, w): 30s",
).describe("time: `30s`") as z.ZodType<TimeText, TimeText>;

/** A time from one to another, both included. */
export function timeBetween(least: TimeText, most: TimeText): z.ZodType<TimeText, TimeText> {
  const [from = 0, to = Infinity] = [least, most].map(parseTime);
  return time.refine((text) => {
    const value = parseTime(text);
    return value === undefined || value >= from && value <= to; // another form was complained of already
  }, `a time from ${least} to ${most}`).describe(`time from ${least} to ${most}: \`${least}\``);
}

/** A whole SMTP reply. */
export const reply = z.string().regex(
  REPLY_PATTERN,
  "a whole reply of printable ASCII, code and enhanced code of one class: 550 5.7.1 refused by policy",
).describe("reply: `550 5.7.1 refused by policy`");
