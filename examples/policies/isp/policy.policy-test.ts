import { definePolicyTest } from "postern";

export default definePolicyTest({
  cases: [
    {
      name: "the worst networks are refused as they connect",
      mail: { client: "203.0.113.9", to: "someone@home.customers.example" },
      expect: { action: "reject", reply: "554 5.7.1 *" },
    },
    {
      name: "a home gets spam with a mark",
      mail: { to: "family@home.customers.example", spamScore: 9 },
      expect: {
        action: "accept",
        status: "spam",
        settings: { antispam: { threshold: 8, subjectPrefix: "[SPAM?] " } },
      },
    },
    {
      name: "the clinic has a lower threshold than its parent",
      mail: { to: "doctor@clinic.example", spamScore: 5.5 },
      expect: {
        action: "quarantine",
        settings: { antispam: { threshold: 5, spam: "quarantine" } },
      },
    },
    {
      name: "the shop inherits all",
      mail: { to: "sales@shop.example", spamScore: 5.5 },
      expect: { action: "accept", settings: { antispam: { threshold: 6 } } },
    },
    {
      name: "what cannot be scanned waits for those who are protected",
      mail: { to: "sales@shop.example", notScanned: ["encrypted"] },
      expect: { action: "defer" },
    },
    {
      name: "a program for the clinic",
      mail: { to: "doctor@clinic.example", attachments: [{ name: "game.exe", type: "pe" }] },
      expect: { action: "reject", by: "rule:the clinic gets no programs" },
    },
    {
      name: "abuse reports may quote spam",
      mail: { to: "abuse@provider.example", spamScore: 50 },
      expect: { action: "accept" },
    },
    {
      name: "a customer that sends spam hears it",
      mail: {
        client: "198.51.100.7",
        from: "bot@home.customers.example",
        to: "victim@example.org",
        spamScore: 12,
      },
      expect: { action: "reject", reply: "550 5.7.1 This looks like spam, *" },
    },
  ],
});
