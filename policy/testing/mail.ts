import type { Facts } from "../types.ts";

/** A clean mail, all of it known. */
export const MAIL: Facts = {
  agent: "smtp",
  listener: "smtp",
  time: Date.UTC(2024, 4, 15, 10, 30), // a Wednesday
  client: "192.0.2.10",
  clientName: "mail.sender.example",
  helo: "mail.sender.example",
  tls: false,
  user: null,
  sender: "alice@sender.example",
  recipient: "bob@example.org",
  direction: "inbound",
  size: 5000,
  headers: [],
  subject: "Hello",
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
  signaturesAge: 1000,
  language: "en",
};
