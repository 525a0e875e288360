/**
 * The document `postern.config.ts`: this node. The zod schema is the single source of the types, the run-time check, the JSON
 * Schema and the reference page.
 */
import * as z from "zod";
import {
  clamdAgentSchema,
  delegationAgentSchema,
  rspamdAgentSchema,
  spamdAgentSchema,
} from "./advice_config.ts";
import { engineSchema } from "./engines_config.ts";
import { archivesSchema, arcSchema } from "./secrets_config.ts";
import {
  count,
  listen,
  listenNear,
  network,
  nextHop,
  proxies,
  size,
  time,
  tls,
  transparent,
  unixSocket,
} from "./config_parts.ts";
import { imapAgentSchema } from "./imap_config.ts";
import { pop3AgentSchema } from "./mailbox_config.ts";

/** The smtp agent: listens, scans, relays. Speaks LMTP to its clients where protocol says so. */
export const smtpAgentSchema = z.strictObject({
  agent: z.literal("smtp"),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/).default("smtp").describe(
    "name of the listener in logs and rules",
  ),
  listen,
  nextHop,
  mode: z.enum(["after-queue", "before-queue"]).default("after-queue").describe(
    "after-queue: recipients may get different copies; before-queue: one answer for all of a message's recipients",
  ),
  direction: z.enum(["inbound", "outbound", "internal"]).optional().describe(
    "which way mail goes here; default: seen from the policy's local domains and networks",
  ),
  hostname: z.string().optional().describe("name in the banner and EHLO; default: the node's"),
  tls: tls.optional().describe(
    "offer STARTTLS to clients with this certificate; self-made: with one that the daemon makes for itself",
  ),
  requireTls: z.boolean().default(false).describe("refuse mail from clients that did not STARTTLS"),
  auth: z.enum(["none", "tls", "always"]).default("none").describe(
    "AUTH, passed on to the next hop: not offered, offered over TLS alone, offered in clear, too",
  ),
  nextHopTls: z.enum(["none", "may", "encrypt", "verify"]).default("may").describe(
    "STARTTLS to the next hop: never, if offered, always, always with a certificate that checks",
  ),
  nextHopCa: z.string().optional().describe(
    "PEM file with extra certificate authorities for the next hop",
  ),
  xforward: z.array(network).default([]).describe("clients whose XFORWARD is believed"),
  xclient: z.array(network).default([]).describe("clients whose XCLIENT is believed"),
  proxies: proxies.optional(),
  transparent: transparent(25),
  limits: z.strictObject({
    sessions: count.default(1000),
    sessionsPerClient: count.default(1000),
    sessionsPerMinute: count.optional().describe(
      "new sessions of one address in a minute; default: no limit",
    ),
    messageSize: size.default("50MB"),
    recipients: count.default(1000),
    commandTime: time.default("5m"),
    dataTime: time.default("10m"),
    nextHopTime: time.default("5m"),
    nextHopConnections: count.default(20).describe(
      "idle connections to the next hop that are kept",
    ),
  }).prefault({}),
});

/** The milter agent: mail servers (Sendmail, Postfix) ask it what to do with each message. */
export const milterAgentSchema = z.strictObject({
  agent: z.literal("milter"),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/).default("milter").describe(
    "name of the listener in logs and rules",
  ),
  listen: listenNear.describe(
    "where mail servers connect to: HOST:PORT, unix:/PATH, or fd:NAME for a socket that systemd passes",
  ),
  socketMode: z.string().regex(/^0[0-7]{3}$/, "an octal mode such as 0660").default("0660")
    .describe(
      "mode of the socket in the file system",
    ),
  nextHop: nextHop.optional().describe(
    "where released mail goes, as quarantine.release says it for all agents; best a port of the mail server without its milters",
  ),
  direction: z.enum(["inbound", "outbound", "internal"]).optional().describe(
    "which way mail goes here; default: seen from the policy's local domains and networks",
  ),
  limits: z.strictObject({
    sessions: count.default(1000),
    messageSize: size.default("50MB"),
    recipients: count.default(10_000),
    commandTime: time.default("2h").describe(
      "how long a mail server may be silent while its own client is",
    ),
    dataTime: time.default("10m").describe("how long a message may take to come"),
  }).prefault({}),
});

/** Every kind of agent, told apart by `agent`. */
export const agentSchema = z.discriminatedUnion("agent", [
  smtpAgentSchema,
  milterAgentSchema,
  clamdAgentSchema,
  spamdAgentSchema,
  rspamdAgentSchema,
  delegationAgentSchema,
  pop3AgentSchema,
  imapAgentSchema,
]);

/** postern.config.ts. */
export const configSchema = z.strictObject({
  state: z.string().default("./state").describe(
    "directory of the store, sockets and the Maildir; made if missing",
  ),
  policy: z.string().default("./policy.ts").describe(
    "the policy document, or its bundle (.json, from postern policy build)",
  ),
  policyKey: z.string().regex(
    /^ed25519:[A-Za-z0-9+/]{43}=$/,
    "a public key as postern policy keygen prints it: ed25519:BASE64",
  ).optional().describe("take only a policy bundle that this key signed"),
  signatures: z.string().default("./signatures").describe(
    "directory of signature modules, as postern modules build makes it; none where it does not exist",
  ),
  watch: z.boolean().default(false).describe(
    "reload when the policy's files change; without it on SIGHUP and postern reload alone",
  ),
  hostname: z.string().optional().describe("this node's name; default: the system's"),
  tools: z.strictObject({
    socket: unixSocket.default("unix:/run/postern/tools.sock").describe(
      "where pipe, mda, scan, cgp and the like connect when other users run them",
    ),
    mode: z.string().regex(/^0[0-7]{3}$/, "an octal mode such as 0666").default("0666").describe(
      "mode of that socket: who may have mail scanned and decided",
    ),
  }).optional().describe(
    "a second socket that scans and decides and does nothing else; default: none, and tools run as the daemon's user",
  ),
  user: z.string().default("postern").describe(
    "unprivileged user to become when started as root; `nobody` where there is no such user",
  ),
  scanners: z.strictObject({
    processes: count.optional().describe("default: number of cores"),
    memory: size.default("1GB").describe("data segment of one scanner"),
    queue: count.default(1000).describe("scans that may wait"),
    queueTime: time.default("30s").describe("longest wait for a free scanner"),
    poisonMemory: time.default("1d").describe(
      "how long a message that killed scanners is remembered",
    ),
  }).prefault({}),
  inFlight: size.default("512MB").describe("octets of messages held at once, all agents together"),
  agents: z.array(agentSchema).default([]),
  archives: archivesSchema.prefault({}).describe("what is known of archives at this node"),
  arc: arcSchema.optional().describe("seal mail that Postern changed (RFC 8617)"),
  engines: z.array(engineSchema).default([]).describe(
    "other scanners that are asked about each message, beside the scan",
  ),
  log: z.strictObject({
    level: z.enum(["debug", "info", "warning", "error"]).default("info"),
    format: z.enum(["text", "json"]).default("text"),
    to: z.array(
      z.string().regex(
        /^(?:stderr|file:.+|syslog(?::\/.+)?)$/,
        "stderr, file:PATH, syslog or syslog:/SOCKET",
      ),
    ).default(["stderr"]),
    facility: z.enum([
      "mail",
      "daemon",
      "local0",
      "local1",
      "local2",
      "local3",
      "local4",
      "local5",
      "local6",
      "local7",
    ])
      .default("mail"),
  }).prefault({}),
  quarantine: z.strictObject({
    keep: time.default("30d"),
    size: size.default("10GB"),
    release: nextHop.optional().describe(
      "where released mail goes; default: the next hop of the agent that took it",
    ),
  }).prefault({}),
  messageLog: z.strictObject({ keep: time.default("30d"), entries: count.default(1_000_000) })
    .prefault({}),
  stopTime: time.default("30s").describe("how long messages in flight may take when stopping"),
  documentTime: time.default("10s").describe("how long a document may take to evaluate"),
});

// By import, as what `deno doc` shows of the library names no schema.
/** The document as checked, with every default filled in. */
export type Config = (typeof import("./config.ts"))["configSchema"]["_zod"]["output"];
/** The document as people write it. */
export type ConfigInput = (typeof import("./config.ts"))["configSchema"]["_zod"]["input"];
/** One agent of the document, checked. */
export type AgentConfig = z.output<typeof agentSchema>;
/** Where an agent's mail goes next; `undefined` where it has no next hop. */
export function agentNextHop(agent: AgentConfig): string | undefined {
  return "nextHop" in agent ? agent.nextHop : undefined;
}

/** The smtp agent's part, checked. */
export type SmtpAgentConfig = z.output<typeof smtpAgentSchema>;
/** The milter agent's part, checked. */
export type MilterAgentConfig = z.output<typeof milterAgentSchema>;

/**
 * Types `postern.config.ts` and returns it as it is; the check is made by the reader of the document.
 *
 * @param config The node's configuration.
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
