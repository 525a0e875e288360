import { definePolicyTest } from "postern";

export default definePolicyTest({
  cases: [
    {
      name: "a stranger is refused",
      mail: { client: "192.0.2.1", from: "x@company.example", to: "y@example.org" },
      expect: { action: "reject", by: "rule:only our own people" },
    },
    {
      name: "someone on the road who logged in is not",
      mail: {
        client: "192.0.2.1",
        user: "anna",
        from: "anna@company.example",
        to: "y@example.org",
      },
      expect: { action: "accept" },
    },
    {
      name: "a virus that wants out",
      mail: {
        client: "10.3.3.3",
        from: "anna@company.example",
        to: "y@example.org",
        findings: ["Eicar-Test-Signature"],
      },
      expect: { action: "reject", reply: "550 5.7.1 Your mail holds malware: *" },
    },
    {
      name: "the newsletter looks like spam and may",
      mail: { client: "10.1.2.3", from: "news@company.example", to: "y@example.org", spamScore: 9 },
      expect: { action: "accept" },
    },
    {
      name: "but not from another server",
      mail: { client: "10.1.2.4", from: "news@company.example", to: "y@example.org", spamScore: 9 },
      expect: { action: "reject", by: "antispam.spam" },
    },
    {
      name: "confidential mail does not leave",
      mail: {
        client: "10.3.3.3",
        from: "anna@company.example",
        to: "press@example.org",
        subject: "Figures [Confidential]",
      },
      expect: { action: "quarantine", by: "rule:confidential mail stays inside" },
    },
  ],
});
