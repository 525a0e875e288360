/**
 * Names and numbers of the milter protocol: Sendmail 8.17, include/libmilter/mfdef.h; Postfix, src/milter/milter8.c. A packet is a
 * uint32 (big-endian, the command counted), one command octet, data.
 */

/** Commands of an MTA, by their octet. */
export const COMMANDS = {
  A: "abort",
  B: "body",
  C: "connect",
  D: "macro",
  E: "endOfMessage",
  H: "helo",
  K: "quitNewConnection",
  L: "header",
  M: "mail",
  N: "endOfHeader",
  O: "negotiate",
  Q: "quit",
  R: "recipient",
  T: "data",
  U: "unknown",
} as const;
/** One of {@link COMMANDS}. */
export type Command = (typeof COMMANDS)[keyof typeof COMMANDS];

/** What a filter may change, as bits (SMFIF_*). */
export const ACTIONS = {
  addHeaders: 0x1,
  changeBody: 0x2,
  addRecipients: 0x4,
  deleteRecipients: 0x8,
  changeHeaders: 0x10,
  setMacros: 0x100,
} as const;

/** What of the conversation can be left out or changed, as bits (SMFIP_*). */
export const PROTOCOL = {
  noConnect: 0x1,
  noHelo: 0x2,
  noMail: 0x4,
  noRecipients: 0x8,
  noBody: 0x10,
  noHeaders: 0x20,
  noEndOfHeader: 0x40,
  noReplyHeader: 0x80,
  noUnknown: 0x100,
  noData: 0x200,
  skip: 0x400,
  rejectedRecipients: 0x800,
  noReplyConnect: 0x1000,
  noReplyHelo: 0x2000,
  noReplyMail: 0x4000,
  noReplyRecipient: 0x8000,
  noReplyData: 0x10000,
  noReplyUnknown: 0x20000,
  noReplyEndOfHeader: 0x40000,
  noReplyBody: 0x80000,
  leadingSpace: 0x100000,
} as const;

/** Moments for which a filter may name the macros that it wants (SMFIM_*). */
export const MACRO_STAGES = {
  connect: 0,
  helo: 1,
  mail: 2,
  recipient: 3,
  endOfMessage: 5,
} as const;

/** The newest version that is spoken; there is no version 5. */
export const VERSION = 6;
/** The oldest one: before it there is no agreement about what is offered (Sendmail 8.10). */
export const OLDEST_VERSION = 2;
