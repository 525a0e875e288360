import type { ImapAgentConfig } from "../../policy/imap_config.ts";
import type { Pop3AgentConfig } from "../../policy/mailbox_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AgentPorts } from "../ports.ts";
import { type ServerIdentity, serverIdentity } from "../tls.ts";
import type { ServerTls } from "./connect.ts";
import { MailboxGate } from "./gate.ts";
import { ServerBook } from "./servers.ts";

/** What an agent is given: the checked configuration and what the daemon has read for it. */
export type MailboxAgentStart<Config = Pop3AgentConfig | ImapAgentConfig> = Config & {
  /** PEM texts of the certificate chain and key that `tls` names. */
  readonly tlsPem?: { readonly certificate: string; readonly key: string };
  /** PEM text of the file that `serverCa` names. */
  readonly serverCaPem?: string;
  readonly hostname: string;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
};

/** The configuration in numbers, as far as both agents have it; exchanged whole by a reload, and a session keeps what it began with. */
export interface MailboxSettings {
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
  readonly serverMs: number;
}

/** What all sessions of one agent share, as far as both agents have it. */
export interface MailboxContext<Settings extends MailboxSettings = MailboxSettings> {
  readonly ports: AgentPorts;
  readonly servers: ServerBook;
  readonly serverTls: ServerTls;
  /** Whether logins may name their server. */
  readonly named: boolean;
  /** Of sessions that take TLS from now on: a reload may bring another certificate. */
  identity?: ServerIdentity;
  readonly implicitTls: boolean;
  readonly gate: MailboxGate;
  settings: Settings;
  /** Sessions so far, which gives each its number. */
  sessions: number;
  draining: boolean;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function mailboxSettings(config: MailboxAgentStart): MailboxSettings {
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
    serverMs: parseTime(limits.serverTime) ?? 300_000,
  };
}

/**
 * What the sessions of an agent share.
 *
 * @throws {PosternError} `smtp/tls` when the certificate cannot be used.
 */
export function mailboxContext<Settings extends MailboxSettings>(
  config: MailboxAgentStart,
  ports: AgentPorts,
  settings: Settings,
): MailboxContext<Settings> {
  return {
    ports,
    servers: new ServerBook(config.server, config.servers),
    serverTls: {
      tls: config.serverTls,
      ...(config.serverCaPem === undefined ? {} : { caPem: config.serverCaPem }),
    },
    named: config.servers.length > 0,
    ...(config.tlsPem ? { identity: serverIdentity(config.tlsPem) } : {}),
    implicitTls: config.implicitTls,
    gate: new MailboxGate(ports),
    settings,
    sessions: 0,
    draining: false,
  };
}
