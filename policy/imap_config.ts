/** The imap agent's part of postern.config.ts. */
import * as z from "zod";
import { count, direction, time } from "./config_parts.ts";
import { checkMailboxAgent, mailboxFields, mailboxLimits } from "./mailbox_config.ts";

/** Sessions of IMAP last for days: they have no time in all. */
const { sessionTime: _, ...limits } = mailboxLimits;

/** The imap agent: mail programs read and keep their mail through it. */
export const imapAgentSchema = z.strictObject({
  agent: z.literal("imap"),
  ...mailboxFields("imap", "993"),
  appendDirection: direction.default("outbound").describe(
    "which way mail goes that clients upload, for rules",
  ),
  overview: z.enum(["auto", "scan", "pass"]).default("auto").describe(
    "sizes, envelopes, structure and headers of messages that were not scanned yet: auto scans first unless a command asks for more than limits.listMessages messages, scan always, pass never",
  ),
  deferred: z.enum(["refuse", "notice"]).default("refuse").describe(
    "for a message that the policy defers: refuse answers NO for it, notice shows a notice until it can be scanned",
  ),
  limits: z.strictObject({
    ...limits,
    listMessages: count.default(10).describe(
      "a command that asks for sizes, envelopes or headers of more messages is a list",
    ),
    cacheTime: time.default("1h").describe(
      "how long the scan of a message counts; afterwards it is scanned again when it is asked for",
    ),
    idleTime: time.default("30m").describe(
      "how long a client may be silent; RFC 9051 says at least thirty minutes",
    ),
    uploadTime: time.default("10m").describe(
      "how long an uploaded message may take, besides a second for each 1,000 octets",
    ),
  }).prefault({}),
}).check((context) => checkMailboxAgent(context.value, context));

/** The imap agent's part, checked. */
export type ImapAgentConfig = z.output<typeof imapAgentSchema>;
