// A gate for mail that leaves: a hoster's or a company's smart host. What is refused is refused to our own user, who reads why.
import { definePolicy } from "postern";

export default definePolicy({
  local: { domains: ["company.example"], networks: ["10.0.0.0/8"] },

  lists: {
    newsletters: { senders: ["news@company.example"], clients: ["10.1.2.3"] },
    secrets: { subjects: ["*[confidential]*", "*[internal]*"] },
  },

  settings: {
    antivirus: { infected: "reject", suspicious: "reject", notScanned: "accept" },
    antispam: { threshold: 7, spam: "reject" },
    limits: { messageSize: "25MB" },
    notify: { infected: "security@company.example" },
    replies: {
      infected: "550 5.7.1 Your mail holds malware: call the help desk before you go on",
      spam: "550 5.7.1 Your mail looks like spam: call the help desk",
    },
  },

  rules: [
    {
      name: "only our own people",
      when: { not: { any: [{ client: "10.0.0.0/8" }, { user: { present: true } }] } },
      then: { action: "reject", reply: "554 5.7.1 This is the way out, not the way in" },
    },
    {
      name: "newsletters from their own server",
      when: { sender: { list: "newsletters" }, client: { list: "newsletters" } },
      then: { antispam: { action: "accept" } },
    },
    {
      name: "confidential mail stays inside",
      when: { direction: "outbound", subject: { list: "secrets" } },
      then: { action: "quarantine", notify: { clean: "security@company.example" } },
    },
  ],
});
