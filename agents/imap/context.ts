import type { ImapAgentConfig } from "../../policy/imap_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { ServerTls } from "../mailbox/connect.ts";
import type { MailboxGate } from "../mailbox/gate.ts";
import type { ServerBook } from "../mailbox/servers.ts";
import type { AgentPorts } from "../ports.ts";
import type { ServerIdentity } from "../tls.ts";
import type { VerdictCache } from "./verdict_cache.ts";

/** What startImapAgent is given: the checked configuration and what the daemon has read for it. */
export type ImapAgentStart = ImapAgentConfig & {
  /** PEM texts of the certificate chain and key that `tls` names. */
  readonly tlsPem?: { readonly certificate: string; readonly key: string };
  /** PEM text of the file that `serverCa` names. */
  readonly serverCaPem?: string;
  readonly hostname: string;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
};

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface ImapSettings {
  readonly listener: string;
  readonly hostname: string;
  readonly direction: Direction;
  /** Of what clients upload. */
  readonly appendDirection: Direction;
  /** `""` where there is none. */
  readonly domain: string;
  readonly requireTls: boolean;
  /** Where a release from quarantine goes; `""` where nothing is said. */
  readonly nextHop: string;
  /** Whether what lists show of messages is scanned for first. */
  readonly overview: "auto" | "scan" | "pass";
  /** Messages of one command up to which it is no list. */
  readonly listMessages: number;
  /** Whether a notice stands for a message that waits, or the command fails. */
  readonly deferred: "refuse" | "notice";
  readonly sessions: number;
  readonly sessionsPerClient: number;
  readonly sessionsPerMinute?: number | undefined;
  /** Octets. */
  readonly messageSize: number;
  readonly cache: number;
  /** Milliseconds. */
  readonly cacheMs: number;
  readonly loginMs: number;
  readonly idleMs: number;
  readonly uploadMs: number;
  readonly serverMs: number;
}

/** What all sessions of one agent share. */
export interface ImapContext {
  readonly ports: AgentPorts;
  readonly servers: ServerBook;
  readonly serverTls: ServerTls;
  /** Whether logins may name their server. */
  readonly named: boolean;
  /** Of sessions that take TLS from now on: a reload may bring another certificate. */
  identity?: ServerIdentity;
  readonly implicitTls: boolean;
  readonly gate: MailboxGate;
  readonly cache: VerdictCache;
  settings: ImapSettings;
  /** Sessions so far, which gives each its number. */
  sessions: number;
  /** Messages that were scanned, changed or replaced, deferred, and refused on upload. */
  readonly counts: { messages: number; changed: number; deferred: number; refused: number };
  draining: boolean;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function imapSettings(config: ImapAgentStart): ImapSettings {
  const { limits } = config;
  return {
    listener: config.name,
    hostname: config.hostname,
    direction: config.direction,
    appendDirection: config.appendDirection,
    domain: config.domain ?? "",
    requireTls: config.requireTls,
    nextHop: config.nextHop ?? "",
    overview: config.overview,
    listMessages: limits.listMessages,
    deferred: config.deferred,
    sessions: limits.sessions,
    sessionsPerClient: limits.sessionsPerClient,
    sessionsPerMinute: limits.sessionsPerMinute,
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    cache: parseSize(limits.cache) ?? 64 * 2 ** 20,
    cacheMs: parseTime(limits.cacheTime) ?? 3_600_000,
    loginMs: parseTime(limits.loginTime) ?? 180_000,
    idleMs: parseTime(limits.idleTime) ?? 1_800_000,
    uploadMs: parseTime(limits.uploadTime) ?? 600_000,
    serverMs: parseTime(limits.serverTime) ?? 300_000,
  };
}
