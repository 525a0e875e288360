/**
 * A mail as people describe it, in policy tests and on the command line of `policy explain`, and the facts it stands for. What a
 * description leaves out is what an ordinary clean message has.
 */
import * as z from "zod";
import { NOT_SCANNED_REASONS, SCAN_STATUSES } from "../engine/types.ts";
import { FILE_TYPES } from "../engine/file_types.ts";
import { parseNetwork } from "./network.ts";
import { DKIM_RESULTS, DMARC_RESULTS, SPF_RESULTS } from "./authentication_results.ts";
import { AGENT_NAMES, DIRECTIONS, type Facts } from "./types.ts";
import { parseSize, parseTime, SIZE_PATTERN, TIME_PATTERN } from "./units.ts";

const address = z.string().regex(
  /^(?:<>|[^\s@<>][^\s<>]*@[^\s@<>]+)$/,
  "an address: user@domain, or <> for the null sender",
).max(320);
const client = z.string().refine(
  (text) => !text.includes("/") && parseNetwork(text) !== undefined,
  "an IP address: 192.0.2.1 or 2001:db8::1",
);

/** Types by content that an attachment can be of; groups of them are for rules. */
const CONTENT_TYPES = [...new Set(Object.values(FILE_TYPES).flat())];

/** What a description may say. `unknown` names facts whose lookup failed. */
export const mailSchema = z.strictObject({
  agent: z.enum(AGENT_NAMES).default("smtp").describe("the kind of gate"),
  listener: z.string().default("smtp").describe("name of the listener"),
  time: z.iso.datetime({ offset: true }).optional().describe("2026-01-31T12:00:00Z; default: now"),
  client: client.nullable().optional().describe("address of the client; default: 192.0.2.1"),
  clientName: z.string().nullable().optional(),
  helo: z.string().nullable().optional(),
  tls: z.boolean().optional(),
  user: z.string().nullable().optional().describe("default: null, nobody authenticated"),
  from: address.default("sender@example.org").describe("envelope sender, <> for the null sender"),
  to: z.union([address, z.array(address).min(1)]).default("recipient@example.com").describe(
    "envelope recipients",
  ),
  direction: z.enum(DIRECTIONS).optional().describe("default: seen from the policy's `local`"),
  size: z.union([z.int().min(0), z.string().regex(SIZE_PATTERN, "a size such as 50MB")]).default(
    "4KB",
  ),
  subject: z.string().nullable().default("a subject"),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).default({}).describe(
    "header fields by name",
  ),
  attachments: z.array(z.strictObject({
    name: z.union([z.string(), z.array(z.string())]).default([]),
    type: z.enum(CONTENT_TYPES).default("binary").describe("type by content: zip, pe, pdf, ..."),
    encrypted: z.boolean().default(false),
    macro: z.boolean().default(false),
  })).default([]),
  ambiguities: z.array(z.string()).default([]),
  status: z.enum(SCAN_STATUSES).optional().describe("default: what findings and notScanned say"),
  findings: z.array(z.string()).default([]).describe("names of what the scan found"),
  notScanned: z.array(z.enum(NOT_SCANNED_REASONS)).default([]),
  enginesFailed: z.array(z.string()).default([]).describe(
    "names of external engines that gave no verdict",
  ),
  spamScore: z.number().default(0),
  spamSymptoms: z.array(z.string()).default([]),
  spf: z.enum(SPF_RESULTS).default("none"),
  dkim: z.enum(DKIM_RESULTS).default("none"),
  dmarc: z.enum(DMARC_RESULTS).default("none"),
  signaturesAge: z.string().regex(TIME_PATTERN, "a time such as 2d").default("1h"),
  language: z.string().nullable().default(null),
  unknown: z.array(z.enum(["clientName", "spf", "dkim", "dmarc", "language", "signaturesAge"]))
    .default([]).describe("facts whose lookup failed"),
});

/** A mail as described. */
export type MailInput = (typeof import("./mail.ts"))["mailSchema"]["_zod"]["input"];
/** A mail as described, with what was left out. */
export type Mail = z.output<typeof mailSchema>;

/** Recipients of a described mail. */
export function mailRecipients(mail: Mail): readonly string[] {
  return [mail.to].flat();
}

/** Addresses in facts: the null sender is `""`, domains are lower case. */
function canonical(text: string): string {
  if (text === "<>") return "";
  const at = text.lastIndexOf("@");
  return text.slice(0, at) + text.slice(at).toLowerCase();
}

/**
 * The facts of a described mail for one recipient, all that a verdict knows included.
 *
 * @param known Facts that a real message gave (an .eml that was scanned); what the description says itself goes before them.
 * @param said Names that the description says itself, so that only these go before `known`.
 * @param now Milliseconds since 1970, where the description names no time.
 */
export function mailFacts(
  mail: Mail,
  recipient: string,
  now: number,
  known: Partial<Facts> = {},
  said: ReadonlySet<string> = new Set(),
): Facts {
  const status = mail.status ??
    (mail.findings.length > 0 ? "infected" : mail.notScanned.length > 0 ? "notScanned" : "clean");
  const size = typeof mail.size === "number" ? mail.size : parseSize(mail.size);
  const headers = Object.entries(mail.headers).flatMap(([name, values]) =>
    [values].flat().map((value) => ({ name: name.toLowerCase(), value }))
  );
  const described: Facts = {
    agent: mail.agent,
    listener: mail.listener,
    time: mail.time === undefined ? now : Date.parse(mail.time),
    client: mail.client === undefined ? "192.0.2.1" : mail.client,
    clientName: mail.clientName ?? null,
    helo: mail.helo === undefined ? "client.example.org" : mail.helo,
    tls: mail.tls ?? false,
    user: mail.user ?? null,
    sender: canonical(mail.from),
    recipient: canonical(recipient),
    direction: mail.direction,
    size,
    headers,
    subject: mail.subject,
    attachments: mail.attachments.map((a) => ({ ...a, names: [a.name].flat() })),
    ambiguities: mail.ambiguities,
    status,
    findings: mail.findings,
    notScanned: mail.notScanned,
    enginesFailed: mail.enginesFailed,
    spamScore: mail.spamScore,
    spamSymptoms: mail.spamSymptoms,
    spf: mail.spf,
    dkim: mail.dkim,
    dmarc: mail.dmarc,
    signaturesAge: parseTime(mail.signaturesAge),
    language: mail.language,
    deleted: false,
  };
  const scanned = Object.fromEntries(
    Object.entries(known).filter(([name]) =>
      !said.has(name) && !(name === "status" && saysVerdict(said))
    ),
  );
  const unknown = Object.fromEntries(mail.unknown.map((name) => [name, undefined]));
  return { ...described, ...scanned, ...unknown };
}

function saysVerdict(said: ReadonlySet<string>): boolean {
  return said.has("findings") || said.has("notScanned");
}
