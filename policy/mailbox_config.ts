/** The agents in front of mailboxes: what pop3 and imap have in common, and the pop3 agent's part of postern.config.ts. */
import * as z from "zod";
import {
  clientTls,
  count,
  direction,
  listen,
  nextHop,
  proxies,
  size,
  time,
  tls,
  transparent,
} from "./config_parts.ts";

/** `pop3://HOST:PORT`; with an `s`, TLS from the first octet on. */
function server(protocol: "pop3" | "imap", ports: string) {
  const form = new RegExp(
    `^${protocol}s?://(?:\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9.-]+):\\d{1,5}$`,
  );
  return z.string().regex(form, `${protocol}://HOST:PORT or ${protocol}s://HOST:PORT`)
    .describe(
      `the mailbox server: ${protocol}://HOST:PORT, or ${protocol}s://HOST:PORT with TLS from the first octet on (${ports})`,
    );
}

/**
 * Fields of an agent that stands between mail programs and mailbox servers.
 *
 * @param ports The protocol's ports, for people: `110, 995`.
 */
export function mailboxFields(protocol: "pop3" | "imap", ports: string) {
  return {
    name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/).default(protocol).describe(
      "name of the listener in logs and rules",
    ),
    listen,
    implicitTls: z.boolean().default(false).describe(
      "clients begin with TLS at once, as on the port for it; needs tls",
    ),
    server: server(protocol, ports).optional().describe(
      `where mailboxes are: ${protocol}://HOST:PORT, or ${protocol}s://HOST:PORT for TLS from the first octet on; absent where each login names its server`,
    ),
    servers: z.array(server(protocol, ports)).default([]).describe(
      "servers that a login may name, as user#HOST or user%HOST; nobody gets to others",
    ),
    domain: z.string().regex(/^[A-Za-z0-9.-]+$/, "a domain such as example.org").optional()
      .describe(
        "makes an address of a login without one, for rules: login@domain",
      ),
    direction: direction.default("inbound").describe("which way mail goes here, for rules"),
    hostname: z.string().optional().describe(
      "name in notices; default: the node's",
    ),
    proxies: proxies.optional(),
    transparent: transparent(protocol === "pop3" ? 110 : 143),
    tls: tls.optional().describe(
      "offer TLS to clients with this certificate; self-made: with one that the daemon makes for itself",
    ),
    requireTls: z.boolean().default(false).describe("no login without TLS"),
    serverTls: clientTls.default("may").describe(
      "TLS to the servers: never, if offered, always, always with a certificate that checks",
    ),
    serverCa: z.string().optional().describe(
      "PEM file with extra certificate authorities for the servers",
    ),
    nextHop: nextHop.optional().describe(
      "where mail goes that is released from quarantine, as quarantine.release says it for all agents",
    ),
  };
}

/** Limits that both have. */
export const mailboxLimits = {
  sessions: count.default(2000),
  sessionsPerClient: count.default(100),
  sessionsPerMinute: count.optional().describe(
    "new sessions of one address in a minute; default: no limit",
  ),
  messageSize: size.default("50MB").describe("larger messages are not handed out"),
  cache: size.default("64MB").describe(
    "messages that are kept for the next time they are asked for, all sessions together",
  ),
  loginTime: time.default("3m").describe("how long a client may take to log in"),
  sessionTime: time.default("12h").describe("how long a session may take in all"),
  serverTime: time.default("5m").describe("how long a server may take for an answer"),
};

/** What the shape of the fields does not say. */
export interface MailboxChoices {
  readonly implicitTls: boolean;
  readonly requireTls: boolean;
  readonly server?: string | undefined;
  readonly transparent?: unknown;
  readonly servers: readonly string[];
  readonly serverTls: "none" | "may" | "encrypt" | "verify";
  readonly tls?: unknown;
}

/** Says what contradicts itself. */
export function checkMailboxAgent(
  agent: MailboxChoices,
  context: { issues: { push(issue: z.core.$ZodRawIssue): unknown } },
): void {
  const say = (path: string, message: string) =>
    context.issues.push({ code: "custom", path: [path], message, input: agent });
  const { server: main, servers, transparent, serverTls, implicitTls, requireTls, tls } = agent;
  if (transparent !== undefined) {
    const named = main === undefined ? "servers" : "server";
    if (main !== undefined || servers.length > 0) say(named, "redirected clients have theirs");
  } else if (main === undefined && servers.length === 0) {
    say("server", "name the server, or the servers that logins may name");
  }
  if (implicitTls && tls === undefined) say("implicitTls", "needs tls: a certificate and its key");
  if (requireTls && tls === undefined) say("requireTls", "needs tls: a certificate and its key");
  const secure = [...main === undefined ? [] : [main], ...servers]
    .some((each) => /^\w+s:/.test(each));
  if (serverTls === "none" && secure) say("serverTls", "is none, and a server's scheme has TLS");
  const hosts = servers.map((each) => each.replace(/^\w+:\/\/(.*):\d+$/, "$1").toLowerCase());
  const twice = hosts.find((host, i) => hosts.indexOf(host) !== i);
  if (twice !== undefined) say("servers", `has the host ${twice} twice; a login could mean either`);
}

/** The pop3 agent: mail programs fetch their mail through it. */
export const pop3AgentSchema = z.strictObject({
  agent: z.literal("pop3"),
  ...mailboxFields("pop3", "995"),
  limits: z.strictObject({
    ...mailboxLimits,
    idleTime: time.default("10m").describe(
      "how long a client may be silent; RFC 1939 says at least ten minutes",
    ),
  }).prefault({}),
}).check((context) => checkMailboxAgent(context.value, context));

/** The pop3 agent's part, checked. */
export type Pop3AgentConfig = z.output<typeof pop3AgentSchema>;
