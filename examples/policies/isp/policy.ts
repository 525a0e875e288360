// An Internet provider: customers by domain, each in a group with settings of its own; groups inherit from their parent.
import { definePolicy } from "postern";

export default definePolicy({
  local: {
    domains: ["provider.example", "*.customers.example", "clinic.example", "shop.example"],
    networks: ["198.51.100.0/24", "2001:db8:100::/40"],
  },

  lists: {
    worst: { clients: ["203.0.113.0/24"], senders: ["@*.botnet.example"] },
    abuse: { recipients: ["abuse@provider.example", "postmaster@provider.example"] },
  },

  settings: {
    antivirus: { infected: "reject", suspicious: "accept", notScanned: "accept" },
    antispam: { threshold: 8, spam: "accept", subjectPrefix: "[SPAM?] " },
    marks: { header: "always", subject: "spam" },
    limits: { messageSize: "100MB" },
  },

  groups: {
    protected: {
      settings: {
        antivirus: { suspicious: "quarantine", notScanned: "defer" },
        antispam: { threshold: 6, spam: "quarantine" },
        quarantine: ["suspicious", "spam"],
      },
    },
    clinic: {
      parent: "protected",
      recipients: ["@clinic.example"],
      settings: { antispam: { threshold: 5 } },
    },
    shop: { parent: "protected", recipients: ["@shop.example"] },
    homes: { recipients: ["@*.customers.example"] },
  },

  rules: [
    // Who writes to abuse@ complains about spam and quotes it.
    {
      name: "abuse reports come through",
      when: { recipient: { list: "abuse" } },
      then: { antispam: { action: "accept" }, antivirus: { infected: "quarantine" } },
    },
    {
      name: "worst networks",
      when: { client: { list: "worst" } },
      then: { action: "reject", reply: "554 5.7.1 Your network sends nothing but abuse" },
    },
    {
      name: "worst senders",
      when: { sender: { list: "worst" } },
      then: { action: "reject" },
    },
    {
      name: "customers send no viruses and no spam",
      when: { direction: "outbound" },
      then: {
        antispam: { threshold: 10, spam: "reject" },
        replies: { spam: "550 5.7.1 This looks like spam, write to support@provider.example" },
      },
    },
    {
      name: "the clinic gets no programs",
      when: { recipient: { group: "clinic" }, attachment: { type: ["executable", "script"] } },
      then: { action: "reject", reply: "550 5.7.1 Programs are not accepted here" },
    },
  ],
});
