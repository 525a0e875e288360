// A small office: one mail server, a handful of people. What is bad is refused, what is doubtful is kept, nothing is lost.
import { definePolicy } from "postern";

export default definePolicy({
  local: { domains: ["office.example"], networks: ["192.168.1.0/24"] },

  lists: {
    blocked: { senders: ["@spam.example"] },
    partners: { senders: ["@supplier.example", "accounting@bank.example"] },
  },

  settings: {
    antivirus: { infected: "reject", suspicious: "quarantine", notScanned: "defer" },
    antispam: { threshold: 6, spam: "quarantine", subjectPrefix: "[SPAM] " },
    quarantine: ["infected", "suspicious", "spam"],
    notify: { infected: "postmaster@office.example" },
    greylist: { action: "delay" },
  },

  rules: [
    {
      name: "blocked senders",
      when: { sender: { list: "blocked" } },
      then: { action: "reject", reply: "550 5.7.1 Your address is blocked here" },
    },
    {
      name: "partners skip the spam test and need not come again",
      when: { sender: { list: "partners" } },
      then: { antispam: { action: "accept" }, greylist: { action: "pass" } },
    },
    {
      name: "no programs from outside",
      when: { direction: "inbound", attachment: { type: ["executable", "script"] } },
      then: { action: "quarantine" },
    },
    {
      name: "archives with a password are let in for accounting",
      when: { recipient: "accounting@office.example", notScanned: "encrypted" },
      then: { antivirus: { notScanned: "accept" } },
    },
  ],
});
