import { ORDINARY_MAIL } from "../solve/ordinary_mail.ts";
import type { Facts } from "../types.ts";

/** A clean mail, all of it known. */
export const MAIL: Facts = {
  ...ORDINARY_MAIL,
  time: Date.UTC(2024, 4, 15, 10, 30), // a Wednesday
  client: "192.0.2.10",
  clientName: "mail.sender.example",
  helo: "mail.sender.example",
  tls: false,
  sender: "alice@sender.example",
  recipient: "bob@example.org",
  size: 5000,
  subject: "Hello",
  signaturesAge: 1000,
  language: "en",
};
