import { definePolicyTest } from "postern";

export default definePolicyTest({
  cases: [
    {
      name: "an ordinary mail comes in",
      mail: { from: "someone@example.org", to: "boss@office.example" },
      expect: { action: "accept", quarantine: false, greylist: true },
    },
    {
      name: "a blocked sender is refused before the body is sent",
      mail: { from: "offer@spam.example", to: "boss@office.example" },
      expect: {
        action: "reject",
        by: "rule:blocked senders",
        phase: "sender",
        reply: "550 5.7.1 Your address is blocked here",
      },
    },
    {
      name: "a virus is refused and a copy is kept",
      mail: { to: "boss@office.example", findings: ["Eicar-Test-Signature"] },
      expect: { action: "reject", by: "antivirus.infected", quarantine: true },
    },
    {
      name: "a program from outside waits in quarantine",
      mail: { to: "boss@office.example", attachments: [{ name: "setup.exe", type: "pe" }] },
      expect: { action: "quarantine", by: "rule:no programs from outside" },
    },
    {
      name: "a program between colleagues passes",
      mail: {
        client: "192.168.1.20",
        from: "it@office.example",
        to: "boss@office.example",
        attachments: [{ name: "setup.exe", type: "pe" }],
      },
      expect: { action: "accept" },
    },
    {
      name: "accounting gets archives with a password",
      mail: {
        to: "accounting@office.example",
        attachments: [{ name: "bill.zip", type: "zip", encrypted: true }],
        notScanned: ["encrypted"],
      },
      expect: { action: "accept" },
    },
    {
      name: "others wait for them",
      mail: { to: "boss@office.example", notScanned: ["encrypted"] },
      expect: { action: "defer", by: "antivirus.notScanned" },
    },
    {
      name: "a partner's mail is never spam",
      mail: { from: "sales@supplier.example", to: "boss@office.example", spamScore: 20 },
      expect: { action: "accept", greylist: false },
    },
    {
      name: "spam is kept",
      mail: { to: "boss@office.example", spamScore: 7.5 },
      expect: { action: "quarantine", by: "antispam.spam", status: "spam" },
    },
  ],
});
