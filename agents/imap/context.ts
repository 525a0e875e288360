import type { ImapAgentConfig } from "../../policy/imap_config.ts";
import type { Direction } from "../../policy/types.ts";
import { parseTime } from "../../policy/units.ts";
import {
  type MailboxAgentStart,
  type MailboxContext,
  type MailboxSettings,
  mailboxSettings,
} from "../mailbox/context.ts";
import type { VerdictCache } from "./verdict_cache.ts";

/** What startImapAgent is given. */
export type ImapAgentStart = MailboxAgentStart<ImapAgentConfig>;

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface ImapSettings extends MailboxSettings {
  /** Of what clients upload. */
  readonly appendDirection: Direction;
  /** Whether what lists show of messages is scanned for first. */
  readonly overview: "auto" | "scan" | "pass";
  /** Messages of one command up to which it is no list. */
  readonly listMessages: number;
  /** Whether a notice stands for a message that waits, or the command fails. */
  readonly deferred: "refuse" | "notice";
  /** Milliseconds. */
  readonly cacheMs: number;
  readonly idleMs: number;
  readonly uploadMs: number;
}

/** What all sessions of one agent share. */
export interface ImapContext extends MailboxContext<ImapSettings> {
  readonly cache: VerdictCache;
  /** Messages that were scanned, changed or replaced, deferred, and refused on upload. */
  readonly counts: { messages: number; changed: number; deferred: number; refused: number };
}

/** Takes the numbers out of the configuration, which has been checked. */
export function imapSettings(config: ImapAgentStart): ImapSettings {
  const { limits } = config;
  return {
    ...mailboxSettings(config),
    appendDirection: config.appendDirection,
    overview: config.overview,
    listMessages: limits.listMessages,
    deferred: config.deferred,
    cacheMs: parseTime(limits.cacheTime) ?? 3_600_000,
    idleMs: parseTime(limits.idleTime) ?? 1_800_000,
    uploadMs: parseTime(limits.uploadTime) ?? 600_000,
  };
}
