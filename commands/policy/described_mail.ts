/** A mail described by options, for commands that are asked about one. */
import { object } from "@optique/core/constructs";
import { type Message, message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { choice, float, string } from "@optique/core/valueparser";
import type { InferValue } from "@optique/core/parser";
import { documentIssues, formatIssue } from "../../policy/document_error.ts";
import { type Mail, mailSchema } from "../../policy/mail.ts";
import { AGENT_NAMES, DIRECTIONS } from "../../policy/types.ts";
import { PosternError } from "../../errors.ts";

type Name = `--${string}`;
type Metavar = NonNullable<NonNullable<Parameters<typeof string>[0]>["metavar"]>;

const text = (name: Name, metavar: Metavar, about: Message) =>
  optional(option(name, string({ metavar }), { description: about }));
const texts = (name: Name, metavar: Metavar, about: Message) =>
  multiple(option(name, string({ metavar }), { description: about }));

/** The options. */
export const mailOptions = () =>
  object({
    from: text("--from", "ADDRESS", message`Envelope sender; <> for the null sender`),
    to: texts("--to", "ADDRESS", message`Envelope recipient; may be given more than once`),
    client: text("--client", "IP", message`Address of the client`),
    clientName: text("--client-name", "HOST", message`Host name of the client, as DNS says`),
    helo: text("--helo", "NAME", message`What the client said with HELO or EHLO`),
    user: text("--user", "NAME", message`Who logged in`),
    tls: option("--tls", { description: message`The connection is encrypted` }),
    agent: optional(option("--agent", choice(AGENT_NAMES), { description: message`Kind of gate` })),
    listener: text("--listener", "NAME", message`Name of the listener`),
    direction: optional(option("--direction", choice(DIRECTIONS), {
      description: message`Default: as seen from the policy's local domains and networks`,
    })),
    time: text("--time", "TIME", message`When: 2026-01-31T12:00:00Z; default: now`),
    size: text("--size", "SIZE", message`Octets of the message, such as 20MB`),
    subject: text("--subject", "TEXT", message`The decoded subject`),
    headers: texts("--header", "FIELD", message`A header field: "List-Id: news"`),
    attachments: texts("--attachment", "FILE", message`An attachment: NAME, or NAME:TYPE`),
    findings: texts("--finding", "NAME", message`What the scan finds`),
    notScanned: texts("--not-scanned", "WHY", message`Why something is not scanned`),
    spamScore: optional(option("--spam-score", float({ metavar: "NUMBER" }), {
      description: message`Score of the spam tests`,
    })),
    spf: text("--spf", "RESULT", message`Result of the SPF check`),
    dkim: text("--dkim", "RESULT", message`Result of the DKIM check`),
    dmarc: text("--dmarc", "RESULT", message`Result of the DMARC check`),
  });

/** What the options give. */
export type MailOptions = InferValue<ReturnType<typeof mailOptions>>;

/** A header field as typed. */
function field(typed: string): [name: string, value: string] {
  const colon = typed.indexOf(":");
  if (colon > 0) return [typed.slice(0, colon).trim(), typed.slice(colon + 1).trim()];
  throw new PosternError(
    "command/usage",
    `--header ${JSON.stringify(typed)} is no field: "Name: value" is wanted`,
  );
}

function headersOf(typed: readonly string[]): Record<string, string[]> {
  const fields: Record<string, string[]> = {};
  for (const each of typed) {
    const [name, value] = field(each);
    fields[name] = [...fields[name] ?? [], value];
  }
  return fields;
}

function attachmentOf(typed: string): { name: string; type?: string } {
  const colon = typed.lastIndexOf(":");
  return colon < 0
    ? { name: typed }
    : { name: typed.slice(0, colon), type: typed.slice(colon + 1) };
}

/**
 * The mail that the options describe, and the names of what they say.
 *
 * @throws {PosternError} `command/usage` that names each option whose value is none.
 */
export function describedMail(
  options: MailOptions,
): { readonly mail: Mail; readonly said: ReadonlySet<string> } {
  const { to, headers, attachments, findings, notScanned, tls, ...single } = options;
  const value: Record<string, unknown> = {
    ...Object.fromEntries(Object.entries(single).filter(([, each]) => each !== undefined)),
    ...(to.length > 0 ? { to } : {}),
    ...(headers.length > 0 ? { headers: headersOf(headers) } : {}),
    ...(attachments.length > 0 ? { attachments: attachments.map(attachmentOf) } : {}),
    ...(findings.length > 0 ? { findings } : {}),
    ...(notScanned.length > 0 ? { notScanned } : {}),
    ...(tls ? { tls } : {}),
  };
  const checked = mailSchema.safeParse(value);
  if (checked.success) return { mail: checked.data, said: new Set(Object.keys(value)) };
  const issues = documentIssues(checked.error.issues, mailSchema, value).map((issue) =>
    formatIssue(issue)
  );
  throw new PosternError("command/usage", `The mail cannot be so: ${issues.join("; ")}`);
}
