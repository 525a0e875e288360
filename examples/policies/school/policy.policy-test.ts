import { definePolicyTest } from "postern";

export default definePolicyTest({
  cases: [
    {
      name: "a macro for a pupil",
      mail: {
        to: "eva@pupils.school.example",
        time: "2026-11-20T10:00:00Z",
        attachments: [{ name: "game.docm", type: "ooxml", macro: true }],
      },
      expect: { action: "reject", by: "rule:pupils get nothing that runs" },
    },
    {
      name: "the extension is enough",
      mail: {
        to: "eva@pupils.school.example",
        time: "2026-11-20T10:00:00Z",
        attachments: [{ name: "photo.jpg.scr", type: "binary" }],
      },
      expect: { action: "reject" },
    },
    {
      name: "mail from outside waits at night",
      mail: { to: "eva@pupils.school.example", time: "2026-11-20T22:30:00+01:00" },
      expect: { action: "defer", phase: "recipient", reply: "451 4.7.1 Pupils sleep, *" },
    },
    {
      name: "a teacher's mail comes at night, too",
      mail: {
        client: "10.20.3.4",
        from: "teacher@school.example",
        to: "eva@pupils.school.example",
        time: "2026-11-20T22:30:00+01:00",
      },
      expect: { action: "accept" },
    },
    {
      name: "pupils have a lower threshold",
      mail: { to: "eva@pupils.school.example", time: "2026-11-20T10:00:00Z", spamScore: 4.5 },
      expect: { action: "quarantine", settings: { limits: { messageSize: 10_485_760 } } },
    },
    {
      name: "a signed textbook with macros",
      mail: {
        from: "press@textbooks.example",
        to: "teacher@school.example",
        dkim: "pass",
        status: "suspicious",
        findings: ["Heuristics.Macro.AutoRun"],
      },
      expect: { action: "accept" },
    },
    {
      name: "the same without a signature",
      mail: {
        from: "press@textbooks.example",
        to: "teacher@school.example",
        status: "suspicious",
        findings: ["Heuristics.Macro.AutoRun"],
      },
      expect: { action: "quarantine", by: "antivirus.suspicious" },
    },
  ],
});
