import type { Facts } from "../types.ts";

/** A clean mail from outside, of which everything is known: what examples start from. */
export const ORDINARY_MAIL: Facts = {
  agent: "smtp",
  listener: "smtp",
  time: Date.UTC(2026, 0, 7, 12, 0), // a Wednesday
  client: "203.0.113.77",
  clientName: "mail.elsewhere.invalid",
  helo: "mail.elsewhere.invalid",
  tls: true,
  user: null,
  sender: "someone@elsewhere.invalid",
  recipient: "someone@recipient.invalid",
  direction: "inbound",
  size: 4096,
  headers: [],
  subject: "a subject",
  attachments: [],
  ambiguities: [],
  status: "clean",
  findings: [],
  notScanned: [],
  enginesFailed: [],
  spamScore: 0,
  spamSymptoms: [],
  spf: "none",
  dkim: "none",
  dmarc: "none",
  signaturesAge: 3_600_000,
  language: null,
};
