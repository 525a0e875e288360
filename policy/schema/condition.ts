/** `when`: what a rule asks of a mail. */
import * as z from "zod";
import { NOT_SCANNED_REASONS, SCAN_STATUSES } from "../../engine/types.ts";
import { ATTACHMENT_TYPE_NAMES } from "../attachment_types.ts";
import { DKIM_RESULTS, DMARC_RESULTS, SPF_RESULTS } from "../authentication_results.ts";
import { AGENT_NAMES, DIRECTIONS } from "../types.ts";
import { addressPattern, exactName, extension, glob, network, size, time } from "./text.ts";

/** Days of the week as rules name them, Monday first. */
export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** One item, or a list of which any may hold. */
export function anyOf<T extends z.ZodType>(item: T): z.ZodUnion<readonly [T, z.ZodArray<T>]> {
  return z.union([item, z.array(item).min(1)]);
}

const list = z.strictObject({ list: z.string().describe("name of a list of this document") });
const group = z.strictObject({
  group: z.string().describe("name of a group: its recipients and those of groups below it"),
});
const present = z.strictObject({
  present: z.boolean().describe("true: there is one; false: it is known that there is none"),
});

const texts = anyOf(z.union([glob, list, present]));
const globs = anyOf(z.union([glob, list]));

/** A range of sizes; what it names must all hold. */
const sizeRange = z.strictObject({
  over: size.optional(),
  atLeast: size.optional(),
  under: size.optional(),
  atMost: size.optional(),
}).refine((range) => Object.keys(range).length > 0, "at least one of over, atLeast, under, atMost");
const timeRange = z.strictObject({
  over: time.optional(),
  atLeast: time.optional(),
  under: time.optional(),
  atMost: time.optional(),
}).refine((range) => Object.keys(range).length > 0, "at least one of over, atLeast, under, atMost");
const numberRange = z.strictObject({
  over: z.number().optional(),
  atLeast: z.number().optional(),
  under: z.number().optional(),
  atMost: z.number().optional(),
}).refine((range) => Object.keys(range).length > 0, "at least one of over, atLeast, under, atMost");

const hours = z.string().regex(
  /^(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/,
  "hours such as 08:00-17:30 (the end is not part of it; 22:00-06:00 goes over midnight)",
);
const weekTime = z.strictObject({
  days: anyOf(z.enum(WEEKDAYS)).optional().describe(
    "days on which the hours begin; default: every day",
  ),
  hours: anyOf(hours).optional().describe("default: the whole day"),
  zone: z.string().refine(isZone, "a time zone such as Europe/Bratislava or UTC").default("UTC")
    .describe("IANA time zone"),
});

const header = z.strictObject({
  name: z.string().regex(
    /^[\x21-\x39\x3b-\x7e]{1,100}$/,
    "a header field's name, without the colon",
  ),
  value: anyOf(glob).optional().describe("decoded value of any field of this name"),
  present: z.boolean().optional(),
}).refine(
  ({ value, present }) => value === undefined || present !== false,
  "a value cannot be asked of a field that is not present",
);

const attachment = z.strictObject({
  name: globs.optional().describe("any of the names that a mail program would show"),
  type: anyOf(z.enum(ATTACHMENT_TYPE_NAMES)).optional().describe(
    "type by content, or a group of types",
  ),
  extension: anyOf(z.union([extension, list])).optional().describe(
    "of any of its names, behind the last dot",
  ),
  encrypted: z.boolean().optional(),
  macro: z.boolean().optional(),
}).refine(
  (part) => Object.keys(part).length > 0,
  "at least one of name, type, extension, encrypted, macro",
);

/**
 * A condition: all attributes that it names must hold; a list inside one is any-of. What is not known (yet, or because a lookup
 * failed) makes a condition unknown, and unknown does not match, under `not` neither.
 */
export const conditionSchema = z.strictObject({
  agent: anyOf(z.enum(AGENT_NAMES)).optional().describe("the kind of gate"),
  listener: anyOf(exactName).optional().describe("name of the listener in postern.config.ts"),
  client: anyOf(z.union([network, list, present])).optional().describe("address of the client"),
  clientName: texts.optional().describe("host name of the client, as DNS says"),
  helo: texts.optional().describe("name that the client gave with HELO, EHLO or LHLO"),
  tls: z.boolean().optional().describe("the client's connection is encrypted"),
  user: texts.optional().describe("name that the client authenticated with"),
  sender: anyOf(z.union([addressPattern, list])).optional().describe("envelope sender"),
  recipient: anyOf(z.union([addressPattern, list, group])).optional().describe(
    "envelope recipient",
  ),
  direction: anyOf(z.enum(DIRECTIONS)).optional().describe("seen from `local`"),
  size: anyOf(sizeRange).optional().describe("octets of the message"),
  time: anyOf(weekTime).optional().describe("when the transaction began"),
  header: anyOf(header).optional().describe("a header field"),
  subject: texts.optional().describe("decoded Subject"),
  attachment: anyOf(attachment).optional().describe(
    "a part, attachment or archive entry of which all of this holds",
  ),
  infected: z.union([z.boolean(), ...globs.options]).optional().describe(
    "infected at all, or by a name that matches",
  ),
  finding: globs.optional().describe("name of any finding, infected or suspicious"),
  notScanned: z.union([z.boolean(), ...anyOf(z.enum(NOT_SCANNED_REASONS)).options]).optional()
    .describe(
      "something was not scanned at all, or for this reason",
    ),
  ambiguous: z.union([z.boolean(), ...anyOf(glob).options]).optional().describe(
    "mail programs would read it differently, at all or in the way named",
  ),
  engineFailed: z.union([z.boolean(), ...anyOf(glob).options]).optional().describe(
    "an external engine gave no verdict: any, or the one of this name in postern.config.ts",
  ),
  status: anyOf(z.enum(SCAN_STATUSES)).optional().describe("what the scan says"),
  spamScore: anyOf(numberRange).optional(),
  spamSymptom: anyOf(glob).optional().describe("name of a spam test that matched"),
  spf: anyOf(z.enum(SPF_RESULTS)).optional(),
  dkim: anyOf(z.enum(DKIM_RESULTS)).optional(),
  dmarc: anyOf(z.enum(DMARC_RESULTS)).optional(),
  signaturesAge: anyOf(timeRange).optional().describe(
    "time since the newest signatures were built",
  ),
  language: anyOf(z.union([
    z.string().regex(/^[a-z]{2,3}$/, "a language code of two or three letters (ISO 639)"),
    present,
  ])).optional().describe("language of the text"),
  get not() {
    return conditionSchema.optional();
  },
  get any() {
    return z.array(conditionSchema).min(1).optional();
  },
  get all() {
    return z.array(conditionSchema).min(1).optional();
  },
});

/** A condition as people write it. */
export type ConditionInput = z.input<typeof conditionSchema>;
/** A condition, checked. */
export type Condition = z.output<typeof conditionSchema>;

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
