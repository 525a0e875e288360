// A school: teachers, staff and pupils. Pupils get and send nothing that runs; at night nobody mails them from outside.
import { definePolicy } from "postern";

export default definePolicy({
  local: { domains: ["school.example", "pupils.school.example"], networks: ["10.20.0.0/16"] },

  lists: {
    teachers: { recipients: ["@school.example"] },
    authors: { senders: ["@textbooks.example"] },
  },

  settings: {
    antivirus: { infected: "reject", suspicious: "quarantine", notScanned: "quarantine" },
    antispam: { threshold: 6, spam: "quarantine" },
    quarantine: ["infected", "suspicious", "spam", "notScanned"],
  },

  groups: {
    pupils: {
      recipients: ["@pupils.school.example"],
      settings: {
        antispam: { threshold: 4 },
        limits: { messageSize: "10MB" },
      },
    },
  },

  rules: [
    // First, since it asks the envelope alone: behind rules about attachments it would wait for the content.
    {
      name: "night's rest",
      when: {
        recipient: { group: "pupils" },
        direction: "inbound",
        time: { hours: "21:00-06:30", zone: "Europe/Bratislava" },
      },
      then: { action: "defer", reply: "451 4.7.1 Pupils sleep, your mail comes in the morning" },
    },
    {
      name: "textbooks come with macros",
      when: { sender: { list: "authors" }, dkim: "pass", recipient: { list: "teachers" } },
      then: { antivirus: { suspicious: "accept" } },
    },
    {
      name: "pupils get nothing that runs",
      when: {
        recipient: { group: "pupils" },
        any: [
          { attachment: { type: ["executable", "script"] } },
          { attachment: { macro: true } },
          { attachment: { extension: ["exe", "js", "vbs", "lnk", "scr", "bat", "ps1"] } },
        ],
      },
      then: { action: "reject", reply: "550 5.7.1 Pupils cannot be sent programs" },
    },
    {
      name: "pupils send no archives with passwords",
      when: { sender: "@pupils.school.example", attachment: { encrypted: true } },
      then: { action: "reject", reply: "550 5.7.1 Archives with passwords are not sent from here" },
    },
  ],
});
