import type { Pop3AgentConfig } from "../../policy/mailbox_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { ServerTls } from "../mailbox/connect.ts";
import type { MailboxAnswer, MailboxGate } from "../mailbox/gate.ts";
import type { MessageCache } from "../mailbox/message_cache.ts";
import type { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts } from "../ports.ts";
import type { ServerIdentity } from "../tls.ts";

/** What startPop3Agent is given: the checked configuration and what the daemon has read for it. */
export type Pop3AgentStart = Pop3AgentConfig & {
  /** PEM texts of the certificate chain and key that `tls` names. */
  readonly tlsPem?: { readonly certificate: string; readonly key: string };
  /** PEM text of the file that `serverCa` names. */
  readonly serverCaPem?: string;
  readonly hostname: string;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
};

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface Pop3Settings {
  readonly listener: string;
  readonly hostname: string;
  readonly direction: Direction;
  /** `""` where there is none. */
  readonly domain: string;
  readonly requireTls: boolean;
  /** Where a release from quarantine goes; `""` where nothing is said. */
  readonly nextHop: string;
  readonly sessions: number;
  readonly sessionsPerClient: number;
  readonly sessionsPerMinute?: number | undefined;
  /** Octets. */
  readonly messageSize: number;
  readonly cache: number;
  /** Milliseconds. */
  readonly loginMs: number;
  readonly idleMs: number;
  readonly sessionMs: number;
  readonly serverMs: number;
}

/** What all sessions of one agent share. */
export interface Pop3Context {
  readonly ports: AgentPorts;
  readonly servers: ServerBook;
  readonly serverTls: ServerTls;
  /** Whether logins name their server. */
  readonly named: boolean;
  /** Of sessions that take TLS from now on: a reload may bring another certificate. */
  identity?: ServerIdentity;
  readonly implicitTls: boolean;
  readonly gate: MailboxGate;
  readonly cache: MessageCache<MailboxAnswer>;
  settings: Pop3Settings;
  /** Sessions so far, which gives each its number. */
  sessions: number;
  messages: number;
  draining: boolean;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function pop3Settings(config: Pop3AgentStart): Pop3Settings {
  const { limits } = config;
  return {
    listener: config.name,
    hostname: config.hostname,
    direction: config.direction,
    domain: config.domain ?? "",
    requireTls: config.requireTls,
    nextHop: config.nextHop ?? "",
    sessions: limits.sessions,
    sessionsPerClient: limits.sessionsPerClient,
    sessionsPerMinute: limits.sessionsPerMinute,
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    cache: parseSize(limits.cache) ?? 64 * 2 ** 20,
    loginMs: parseTime(limits.loginTime) ?? 180_000,
    idleMs: parseTime(limits.idleTime) ?? 600_000,
    sessionMs: parseTime(limits.sessionTime) ?? 43_200_000,
    serverMs: parseTime(limits.serverTime) ?? 300_000,
  };
}
