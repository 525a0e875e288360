/**
 * What every room throws: a code for programs, a sentence for people, a cause for the log.
 * Imported by all, imports nothing.
 */

/** Every code there is, one line a room; a new code is added here first. */
export const ERROR_CODES = [
  // wire: octets on a connection that break their protocol's framing
  "wire/bare-line-end",
  "wire/too-long",
  "wire/closed",
  "wire/timeout",
  "wire/bad-frame",
  "wire/proxy",
  "wire/transparent",
  // document: policy.ts and postern.config.ts
  "document/unreadable",
  "document/invalid",
  "document/timeout",
  "document/forbidden",
  // policy
  "policy/version",
  "policy/bundle",
  // scan
  "scan/busy",
  "scan/cancelled",
  "scan/failed",
  // store
  "store/locked",
  "store/version",
  "store/full",
  "store/corrupt",
  "store/not-found",
  "store/failed",
  // quarantine operations
  "quarantine/recipients",
  "quarantine/released",
  "quarantine/busy",
  "quarantine/unknown",
  "quarantine/loop",
  "quarantine/next-hop",
  // log
  "log/failed",
  // smtp: next hop
  "smtp/refused",
  "smtp/unavailable",
  "smtp/tls",
  "smtp/bad-path",
  // mailbox: servers behind the gates to mailboxes
  "mailbox/unavailable",
  "mailbox/protocol",
  // daemon
  "daemon/not-running",
  "daemon/running",
  "daemon/worker",
  "daemon/user",
  // signature modules and their sources
  "module/damaged",
  "module/source",
  // command line
  "command/usage",
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one error class of Postern. `message` says what was being done, in a sentence. */
export class PosternError extends Error {
  /** Of the class. */
  override readonly name = "PosternError";
  /** For programs. */
  readonly code: ErrorCode;

  /**
   * Makes an error.
   *
   * @param message What was being done, and why it failed; a sentence without a full stop.
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
