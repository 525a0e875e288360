import assert from "node:assert/strict";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { DEFAULT_SETTINGS } from "./defaults.ts";
import { definePolicy } from "./define.ts";
import type { PolicyInput } from "./schema.ts";
import { MAIL } from "./testing/mail.ts";
import type { DecisionTree } from "./tree.ts";
import type { Facts, Outcome, Phase } from "./types.ts";

const cases: {
  name: string;
  policy: PolicyInput<string, string>;
  phase?: Phase;
  facts?: Partial<Facts>;
  want: Partial<Outcome>;
}[] = [
  {
    name: "accepts a clean mail by default",
    policy: {},
    want: { final: true, action: "accept", by: "default", status: "clean" },
  },
  {
    name: "is not final before the scan by default",
    policy: {},
    phase: "content",
    want: { final: false, action: "accept" },
  },
  {
    name: "rejects an infected mail with the name of the finding",
    policy: {},
    facts: { status: "infected", findings: ["Eicar-Test-Signature"] },
    want: {
      action: "reject",
      by: "antivirus.infected",
      reply: "550 5.7.1 Message is infected: Eicar-Test-Signature",
      status: "infected",
      quarantine: false,
    },
  },
  {
    name: "takes the settings' reply for a cause",
    policy: { settings: { replies: { infected: "554 5.7.1 go away" } } },
    facts: { status: "infected", findings: ["X"] },
    want: { action: "reject", reply: "554 5.7.1 go away" },
  },
  {
    name: "takes no reply of the wrong class",
    policy: {
      settings: { antivirus: { infected: "defer" }, replies: { infected: "554 5.7.1 go away" } },
    },
    facts: { status: "infected", findings: ["X"] },
    want: { action: "defer", reply: "451 4.7.1 Message is infected: X; try again later" },
  },
  {
    name: "quarantines the suspicious",
    policy: {},
    facts: { status: "suspicious" },
    want: { action: "quarantine", quarantine: true, by: "antivirus.suspicious" },
  },
  {
    name: "defers what was not scanned",
    policy: {},
    facts: { status: "notScanned", notScanned: ["time"] },
    want: {
      action: "defer",
      by: "antivirus.notScanned",
      reply: "451 4.7.1 Message could not be scanned: time; try again later",
    },
  },
  {
    name: "takes a missing status for not scanned",
    policy: {},
    facts: { status: undefined },
    want: { action: "defer", status: "notScanned" },
  },
  {
    name: "lets a cleaned mail pass",
    policy: {},
    facts: { status: "infected", cleaned: true },
    want: { action: "accept", status: "cleaned" },
  },
  {
    name: "discards the deleted where asked",
    policy: { settings: { antivirus: { deleted: "discard" } } },
    facts: { status: "infected", deleted: true },
    want: { action: "discard", by: "antivirus.deleted", status: "deleted" },
  },
  {
    name: "quarantines spam",
    policy: {},
    facts: { spamScore: 6 },
    want: { action: "quarantine", by: "antispam.spam", status: "spam" },
  },
  {
    name: "takes a score below the threshold for clean",
    policy: {},
    facts: { spamScore: 5.99 },
    want: { action: "accept", status: "clean" },
  },
  {
    name: "looks for spam only where the virus settings accept",
    policy: { settings: { antivirus: { infected: "accept" } } },
    facts: { status: "infected", spamScore: 9 },
    want: { action: "quarantine", by: "antispam.spam", status: "infected" },
  },
  {
    name: "keeps a copy where asked",
    policy: { settings: { quarantine: ["infected"] } },
    facts: { status: "infected" },
    want: { action: "reject", quarantine: true },
  },
  {
    name: "keeps no copy of what comes again",
    policy: { settings: { quarantine: "always", antivirus: { infected: "defer" } } },
    facts: { status: "infected" },
    want: { action: "defer", quarantine: false },
  },
  {
    name: "refuses a blocked client at connect",
    policy: {
      lists: { blocked: { clients: ["192.0.2.0/24"] } },
      rules: [{
        name: "blocked",
        when: { client: { list: "blocked" } },
        then: { action: "reject", reply: "550 5.7.1 no" },
      }],
    },
    phase: "connect",
    want: { final: true, action: "reject", by: "rule:blocked", reply: "550 5.7.1 no" },
  },
  {
    name: "waits where an earlier rule may still accept",
    policy: {
      rules: [
        { when: { sender: "@friend.example" }, then: { action: "accept" } },
        { when: { client: "192.0.2.0/24" }, then: { action: "reject" } },
      ],
    },
    phase: "connect",
    want: { final: false, action: "accept" },
  },
  {
    name: "does not wait where the earlier rule cannot match any more",
    policy: {
      rules: [
        { when: { client: "198.51.100.1", sender: "@friend.example" }, then: { action: "accept" } },
        { when: { client: "192.0.2.0/24" }, then: { action: "reject" } },
      ],
    },
    phase: "connect",
    want: { final: true, action: "reject", by: "rule:rules[1]" },
  },
  {
    name: "does not wait for a rule that sets something else",
    policy: {
      rules: [
        { when: { sender: "@friend.example" }, then: { antispam: { threshold: 9 } } },
        { when: { client: "192.0.2.0/24" }, then: { action: "reject" } },
      ],
    },
    phase: "connect",
    want: { final: true, action: "reject" },
  },
  {
    name: "refuses a recipient whose antivirus.action says so, once the recipient is known",
    policy: {
      groups: {
        nobody: { recipients: "@example.org", settings: { antivirus: { action: "reject" } } },
      },
    },
    phase: "recipient",
    want: { final: true, action: "reject", by: "antivirus.action" },
  },
  {
    name: "waits for the recipient where a group says how it is handled",
    policy: {
      settings: { antivirus: { action: "reject" } },
      groups: {
        somebody: { recipients: "@example.org", settings: { antivirus: { action: "scan" } } },
      },
    },
    phase: "sender",
    want: { final: false },
  },
  {
    name: "is final where neither scan is wanted",
    policy: { settings: { antivirus: { action: "accept" }, antispam: { action: "accept" } } },
    phase: "connect",
    want: { final: true, action: "accept", by: "default" },
  },
  {
    name: "does not match what is not known",
    policy: { rules: [{ when: { not: { spf: "pass" } }, then: { action: "reject" } }] },
    facts: { spf: undefined },
    want: { action: "accept" },
  },
  {
    name: "tells none from not known",
    policy: { rules: [{ when: { not: { user: "*" } }, then: { action: "reject" } }] },
    facts: { user: null },
    want: { action: "reject" },
  },
  {
    name: "redirects",
    policy: {
      rules: [{
        when: { attachment: { type: "executable" } },
        then: { action: "redirect", redirect: "abuse@example.org" },
      }],
    },
    facts: { attachments: [{ names: ["a.exe"], type: "pe", encrypted: false, macro: false }] },
    want: { action: "redirect", redirect: ["abuse@example.org"] },
  },
  {
    name: "asks all of one attachment",
    policy: {
      rules: [{
        when: { attachment: { extension: "exe", encrypted: true } },
        then: { action: "reject" },
      }],
    },
    facts: {
      attachments: [
        { names: ["a.exe"], type: "pe", encrypted: false, macro: false },
        { names: ["a.zip"], type: "zip", encrypted: true, macro: false },
      ],
    },
    want: { action: "accept" },
  },
  {
    name: "sees through blanks and dots behind a name",
    policy: { rules: [{ when: { attachment: { name: "*.exe" } }, then: { action: "reject" } }] },
    facts: { attachments: [{ names: ["a.EXE. ."], type: "pe", encrypted: false, macro: false }] },
    want: { action: "reject" },
  },
];

for (const { name, policy, phase = "verdict", facts = {}, want } of cases) {
  Deno.test(`decide() ${name}`, { permissions: "none" }, () => {
    const outcome = decide(compilePolicy(policy), phase, { ...MAIL, ...facts });
    for (const [key, value] of Object.entries(want)) {
      assert.deepEqual(
        outcome[key as keyof Outcome],
        value,
        `${key} of ${JSON.stringify(outcome)}`,
      );
    }
  });
}

Deno.test(
  "decide() takes each setting from the first rule that gives it, then the group, its parent, the settings",
  { permissions: "none" },
  () => {
    const tree = compilePolicy(definePolicy({
      settings: {
        limits: { messageSize: "10MB", archiveLevels: 3 },
        antispam: { subjectPrefix: "[S] " },
      },
      rules: [
        { when: { sender: "alice@sender.example" }, then: { antispam: { threshold: 9 } } },
        {
          when: { sender: "@sender.example" },
          then: { antispam: { threshold: 1, spam: "discard" } },
        },
      ],
      groups: {
        all: {
          recipients: ["@example.org"],
          settings: { limits: { archiveLevels: 5 }, antispam: { spam: "reject", threshold: 2 } },
        },
        staff: {
          parent: "all",
          recipients: ["bob@example.org"],
          settings: { limits: { archiveFiles: 7 } },
        },
      },
    }));
    const { settings } = decide(tree, "verdict", MAIL);
    assert.deepEqual(settings.antispam, {
      action: "scan",
      threshold: 9,
      spam: "discard",
      subjectPrefix: "[S] ",
    });
    assert.deepEqual(settings.limits, {
      messageSize: 10 * 1024 ** 2,
      archiveLevels: 5,
      archiveSize: DEFAULT_SETTINGS.limits.archiveSize,
      archiveFiles: 7,
      archiveRatio: 1000,
      scanTime: 30_000,
    });
    assert.equal(
      decide(tree, "verdict", { ...MAIL, recipient: "eve@example.org" }).settings.limits
        .archiveFiles,
      10_000,
    );
  },
);

Deno.test(
  "decide() gives the same object to mail that passes alike",
  { permissions: "none" },
  () => {
    const tree = compilePolicy({
      rules: [{ when: { sender: "@bad.example" }, then: { action: "reject" } }],
    });
    assert.equal(
      decide(tree, "verdict", MAIL),
      decide(tree, "verdict", { ...MAIL, recipient: "eve@example.org" }),
    );
  },
);

Deno.test("decide() works on a tree that went through JSON and structuredClone", {
  permissions: "none",
}, () => {
  const tree = compilePolicy({
    rules: [{
      when: { size: { over: "1KB" }, time: { hours: "08:00-17:00" } },
      then: { action: "reject" },
    }],
  });
  const copy = structuredClone(JSON.parse(JSON.stringify(tree)));
  assert.deepEqual(copy, tree);
  assert.deepEqual(decide(copy, "verdict", MAIL), decide(tree, "verdict", MAIL));
  assert.equal(decide(copy, "verdict", MAIL).action, "reject");
});

Deno.test("decide() refuses a tree of another version", { permissions: "none" }, () => {
  const tree = { ...compilePolicy({}), version: 1 as unknown as DecisionTree["version"] };
  assert.throws(() => decide(tree, "verdict", MAIL), { code: "policy/version" });
});
