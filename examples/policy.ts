// What may pass, for whom, and what happens to what may not. The first rule that matches wins, for each setting apart; what no
// rule sets comes from `settings`, then from the built-in defaults. `postern policy check FILE` reads it as the daemon does.
import { definePolicy } from "postern";

export default definePolicy({
  lists: {
    // Addresses, `@domain` for a domain, `@*.domain` for those below it; clients by address or network.
    blocked: { senders: ["@spam.example"], clients: ["203.0.113.0/24"] },
    partners: { senders: ["@partner.example"] },
  },

  settings: {
    antivirus: {
      action: "scan",
      infected: "reject",
      suspicious: "quarantine",
      notScanned: "defer",
    },
    antispam: { action: "scan", threshold: 5, spam: "quarantine", subjectPrefix: "[SPAM] " },
    limits: { messageSize: "50MB", scanTime: "30s" },
    quarantine: ["infected", "suspicious", "spam"],
  },

  rules: [
    // Asks about the client alone, so it is answered as he connects.
    {
      name: "blocked clients",
      when: { client: { list: "blocked" } },
      then: { action: "reject", reply: "554 5.7.1 Your network is blocked here" },
    },
    // Asks about the sender alone, so it is answered at MAIL FROM, before any content is sent.
    {
      name: "blocked senders",
      when: { sender: { list: "blocked" } },
      then: { action: "reject", reply: "550 5.7.1 Your address is blocked here" },
    },
    {
      name: "partners skip spam checks",
      when: { sender: { list: "partners" } },
      then: { antispam: { action: "accept" } },
    },
    {
      name: "no programs",
      when: { attachment: { type: "executable" } },
      then: { action: "quarantine" },
    },
  ],
});
