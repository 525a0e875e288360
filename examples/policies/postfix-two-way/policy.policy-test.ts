import { definePolicyTest } from "postern";

export default definePolicyTest({
  cases: [
    {
      name: "spam comes in with a word before its subject",
      mail: { to: "me@yourdomain.example", spamScore: 5 },
      expect: {
        action: "accept",
        status: "spam",
        settings: { antispam: { subjectPrefix: "[SPAM] " }, marks: { subject: ["spam"] } },
      },
    },
    {
      name: "spam that leaves gets it, too",
      mail: {
        client: "127.0.0.1",
        from: "me@yourdomain.example",
        to: "you@example.org",
        spamScore: 6,
      },
      expect: { action: "accept", status: "spam" },
    },
    {
      name: "malware from outside vanishes, and a copy is kept",
      mail: { to: "me@yourdomain.example", findings: ["Eicar-Test-Signature"] },
      expect: { action: "discard", quarantine: true },
    },
    {
      name: "malware from inside is refused",
      mail: {
        client: "127.0.0.1",
        from: "me@yourdomain.example",
        to: "you@example.org",
        findings: ["Eicar-Test-Signature"],
      },
      expect: { action: "reject", by: "antivirus.infected" },
    },
  ],
});
