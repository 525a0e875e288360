import type { SmtpAgentConfig } from "../../policy/config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseSize, parseTime } from "../../policy/units.ts";
import type { AgentPorts } from "../ports.ts";
import type { ServerIdentity } from "../tls.ts";
import { type AuthMode, passedOn } from "./authentication.ts";
import type { DeliveredMemory } from "./delivered_memory.ts";
import type { NextHop } from "./next_hop.ts";
import type { Offers } from "./parameters.ts";
import type { NextHopPool } from "./relay_client.ts";

/** What startSmtpAgent is given: the checked configuration and what the daemon has read for it. */
export type SmtpAgentStart = SmtpAgentConfig & {
  /** PEM texts of the certificate chain and key that `tls` names. */
  readonly tlsPem?: { readonly certificate: string; readonly key: string };
  /** PEM text of the file that `nextHopCa` names. */
  readonly nextHopCaPem?: string;
  readonly hostname: string;
  /** Another worker has the address, and will leave it. */
  readonly shareAddress?: boolean;
};

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface SmtpSettings {
  readonly listener: string;
  readonly hostname: string;
  readonly beforeQueue: boolean;
  readonly direction?: Direction;
  readonly requireTls: boolean;
  readonly auth: AuthMode;
  readonly xforward: readonly string[];
  readonly xclient: readonly string[];
  readonly sessions: number;
  readonly sessionsPerClient: number;
  readonly sessionsPerMinute?: number | undefined;
  /** Octets. */
  readonly messageSize: number;
  readonly recipients: number;
  /** Milliseconds. */
  readonly commandMs: number;
  readonly dataMs: number;
}

/** What all sessions of one agent share. */
export interface SmtpContext {
  readonly ports: AgentPorts;
  readonly hop: NextHop;
  /** The next hop as the configuration names it. */
  readonly hopText: string;
  /** Absent where the next hop is a Maildir. */
  readonly pool?: NextHopPool;
  /** Of sessions that take TLS from now on: a reload may bring another certificate. */
  identity?: ServerIdentity;
  readonly delivered: DeliveredMemory;
  settings: SmtpSettings;
  messages: number;
  draining: boolean;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function smtpSettings(config: SmtpAgentStart): SmtpSettings {
  const { limits } = config;
  return {
    listener: config.name,
    hostname: config.hostname,
    beforeQueue: config.mode === "before-queue",
    ...(config.direction === undefined ? {} : { direction: config.direction }),
    requireTls: config.requireTls,
    auth: config.auth,
    xforward: config.xforward,
    xclient: config.xclient,
    sessions: limits.sessions,
    sessionsPerClient: limits.sessionsPerClient,
    sessionsPerMinute: limits.sessionsPerMinute,
    messageSize: parseSize(limits.messageSize) ?? 50 * 2 ** 20,
    recipients: limits.recipients,
    commandMs: parseTime(limits.commandTime) ?? 300_000,
    dataMs: parseTime(limits.dataTime) ?? 600_000,
  };
}

/**
 * What may be announced: what the next hop offers. While it has never been reached all is announced, since a client that is told
 * of no SMTPUTF8 bounces such mail, while one that meets a next hop which is down only waits.
 */
export function offersOf(context: SmtpContext): Offers {
  const { messageSize } = context.settings;
  const all = { eightBitMime: true, smtpUtf8: true, size: messageSize, auth: [] };
  if (!context.pool) return { ...all, dsn: false };
  const hop = context.pool.offers;
  if (!hop) return { ...all, dsn: true };
  const size = hop.size > 0 ? Math.min(hop.size, messageSize) : messageSize;
  return { ...hop, size, auth: passedOn(hop.auth) };
}
