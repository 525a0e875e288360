// Postfix hands all mail, both ways, to Postern and takes it back. Nothing is blocked for being spam: its subject says so.
import { definePolicy } from "postern";

export default definePolicy({
  local: { domains: ["yourdomain.example"], networks: ["127.0.0.0/8", "::1"] },

  settings: {
    antivirus: { infected: "discard", suspicious: "accept", notScanned: "accept" },
    antispam: { threshold: 5, spam: "accept", subjectPrefix: "[SPAM] " },
    marks: { header: "always", subject: ["spam"] },
    // An after-queue filter that refuses makes Postfix write a bounce to a forged sender: keep it instead.
    quarantine: ["infected"],
    notify: { infected: ["postmaster@yourdomain.example"] },
  },

  rules: [
    {
      name: "our own malware is told to us",
      when: { direction: ["outbound", "internal"], infected: true },
      then: { antivirus: { infected: "reject" } },
    },
  ],
});
