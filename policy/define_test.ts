/** Holds the types of definePolicy: every `@ts-expect-error` line must be an error in the editor (`deno check`). */
import assert from "node:assert/strict";
import { definePolicy } from "./define.ts";

const good = definePolicy({
  local: { domains: ["example.org"], networks: ["192.0.2.0/24"] },
  lists: {
    blocked: {
      senders: ["spammer@bad.example", "@worse.example"],
      clients: ["203.0.113.0/24", "2001:db8::/32"],
    },
    partners: { senders: ["@partner.example"] },
  },
  settings: {
    antivirus: {
      action: "scan",
      clean: "standard",
      infected: "reject",
      notScanned: "defer",
      deleted: "accept",
    },
    antispam: { action: "scan", threshold: 6, spam: "quarantine", subjectPrefix: "[SPAM] " },
    limits: {
      messageSize: "50MB",
      archiveLevels: 10,
      archiveSize: "200MB",
      archiveFiles: 10_000,
      scanTime: "30s",
    },
    greylist: { action: "delay", delay: "5m", window: "2d", keep: "36d", proven: 5 },
    marks: { header: "always", subject: "infected", footnote: "never" },
    quarantine: ["infected", "spam"],
    notify: { infected: ["postmaster@example.org"] },
  },
  rules: [
    {
      name: "blocked senders",
      when: { sender: { list: "blocked" } },
      then: { action: "reject", reply: "550 5.7.1 refused by policy" },
    },
    {
      name: "partners skip spam checks",
      when: { sender: { list: "partners" }, spf: "pass" },
      then: { antispam: { action: "accept" } },
    },
    {
      name: "no programs from outside",
      when: { direction: "inbound", attachment: { type: "executable" } },
      then: { action: "quarantine" },
    },
    {
      when: { not: { any: [{ recipient: { group: "students" } }, { size: { over: "10MB" } }] } },
      then: { limits: { scanTime: "5s" } },
    },
  ],
  groups: {
    students: { recipients: ["@students.example.org"], settings: { antispam: { threshold: 4 } } },
    freshers: { parent: "students", recipients: { list: "partners" } },
  },
});

Deno.test("definePolicy() returns the document as it is", () => {
  assert.equal(good.rules?.length, 4);
});

Deno.test("definePolicy() makes misspelt names errors of the editor", () => {
  definePolicy({
    lists: { blocked: { senders: ["@bad.example"] } },
    rules: [
      // @ts-expect-error: no such list
      { when: { sender: { list: "bloked" } }, then: { action: "reject" } },
      // @ts-expect-error: no such list, nested
      { when: { not: { any: [{ sender: [{ list: "bloked" }] }] } }, then: { action: "reject" } },
      // @ts-expect-error: no such group
      { when: { recipient: { group: "pupils" } }, then: { action: "reject" } },
      // @ts-expect-error: no such attribute
      { when: { sendr: "@a.example" }, then: { action: "reject" } },
      // @ts-expect-error: no such setting
      { when: {}, then: { antivirus: { infcted: "reject" } } },
      // @ts-expect-error: no such action
      { when: {}, then: { action: "rejct" } },
      // @ts-expect-error: a domain needs its @
      { when: { sender: "bad.example" }, then: { action: "reject" } },
      // @ts-expect-error: no such unit
      { when: { size: { over: "5XB" } }, then: { action: "reject" } },
      // @ts-expect-error: no such type of attachment
      { when: { attachment: { type: "exectable" } }, then: { action: "reject" } },
      // @ts-expect-error: then is missing
      { when: {} },
    ],
    groups: {
      pupil: {},
      // @ts-expect-error: no such parent
      older: { parent: "pupils" },
    },
  });
  // @ts-expect-error: no such section
  definePolicy({ rulez: [] });
  definePolicy({
    // @ts-expect-error: there are no lists at all
    rules: [{ when: { sender: { list: "blocked" } }, then: { action: "reject" } }],
  });
  definePolicy({ rules: [{ when: { tls: true }, then: { action: "accept" } }] });
});
