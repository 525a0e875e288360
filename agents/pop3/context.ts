import type { Pop3AgentConfig } from "../../policy/mailbox_config.ts";
import { parseTime } from "../../policy/units.ts";
import {
  type MailboxAgentStart,
  type MailboxContext,
  type MailboxSettings,
  mailboxSettings,
} from "../mailbox/context.ts";
import type { MailboxAnswer } from "../mailbox/gate.ts";
import type { MessageCache } from "../mailbox/message_cache.ts";

/** What startPop3Agent is given. */
export type Pop3AgentStart = MailboxAgentStart<Pop3AgentConfig>;

/** The configuration in numbers; exchanged whole by a reload, and a session keeps what it began with. */
export interface Pop3Settings extends MailboxSettings {
  /** Milliseconds. */
  readonly idleMs: number;
  readonly sessionMs: number;
}

/** What all sessions of one agent share. */
export interface Pop3Context extends MailboxContext<Pop3Settings> {
  readonly cache: MessageCache<MailboxAnswer>;
  messages: number;
}

/** Takes the numbers out of the configuration, which has been checked. */
export function pop3Settings(config: Pop3AgentStart): Pop3Settings {
  const { limits } = config;
  return {
    ...mailboxSettings(config),
    idleMs: parseTime(limits.idleTime) ?? 600_000,
    sessionMs: parseTime(limits.sessionTime) ?? 43_200_000,
  };
}
