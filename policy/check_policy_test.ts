import assert from "node:assert/strict";
import { checkConfig } from "./check_config.ts";
import { checkPolicy } from "./check_policy.ts";
import { type DocumentIssue, PolicyDocumentError } from "./document_error.ts";

const cases: { name: string; document: unknown; issue: Partial<DocumentIssue> }[] = [
  {
    name: "names the nearest attribute",
    document: { rules: [{ when: { sendr: "@a.example" }, then: { action: "reject" } }] },
    issue: { path: "rules[0].when.sendr", found: '"sendr"', nearest: "sender" },
  },
  {
    name: "names what greylisting can do",
    document: { rules: [{ then: { greylist: { action: "delai" } } }] },
    issue: { path: "rules[0].then.greylist.action", nearest: "delay", allowed: ["pass", "delay"] },
  },
  {
    name: "says how long a first try may wait",
    document: { settings: { greylist: { delay: "13h" } } },
    issue: {
      path: "settings.greylist.delay",
      found: '"13h"',
      message: "expected a time from 1s to 12h",
    },
  },
  {
    name: "says of a time without a unit what a time is",
    document: { settings: { greylist: { window: "2" } } },
    issue: { path: "settings.greylist.window", found: '"2"' },
  },
  {
    name: "takes no retry window that ends before the delay may",
    document: { groups: { g: { settings: { greylist: { window: "12h" } } } } },
    issue: { path: "groups.g.settings.greylist.window", message: "expected a time from 1d to 30d" },
  },
  {
    name: "takes no half client for proven",
    document: { settings: { greylist: { proven: 2.5 } } },
    issue: { path: "settings.greylist.proven", found: "2.5" },
  },
  {
    name: "names the nearest value",
    document: { rules: [{ then: { action: "rejct" } }] },
    issue: {
      path: "rules[0].then.action",
      found: '"rejct"',
      nearest: "reject",
      allowed: ["accept", "reject", "defer", "discard", "quarantine", "redirect"],
    },
  },
  {
    name: "names the place in a list",
    document: {
      rules: [{ when: { sender: ["@a.example", "b.example"] }, then: { action: "reject" } }],
    },
    issue: { path: "rules[0].when.sender[1]", found: '"b.example"' },
  },
  {
    name: "names the nearest value of an any-of list",
    document: { rules: [{ when: { agent: ["smtp", "limtp"] }, then: { action: "reject" } }] },
    issue: { path: "rules[0].when.agent[1]", found: '"limtp"', nearest: "lmtp" },
  },
  {
    name: "names the nearest value of a single item",
    document: { rules: [{ when: { not: { direction: "inbond" } }, then: { action: "reject" } }] },
    issue: { path: "rules[0].when.not.direction", nearest: "inbound" },
  },
  {
    name: "names the nearest list",
    document: {
      lists: { blocked: { senders: ["@a.example"] } },
      rules: [{ when: { any: [{ sender: [{ list: "blokced" }] }] }, then: { action: "reject" } }],
    },
    issue: {
      path: "rules[0].when.any[0].sender[0].list",
      message: "no such list",
      found: '"blokced"',
      allowed: ["blocked"],
      nearest: "blocked",
    },
  },
  {
    name: "says that a list has nothing for the attribute",
    document: {
      lists: { blocked: { clients: ["192.0.2.1"] } },
      rules: [{ when: { sender: { list: "blocked" } }, then: { action: "reject" } }],
    },
    issue: {
      path: "rules[0].when.sender.list",
      message: 'list "blocked" has no senders, which sender asks',
    },
  },
  {
    name: "names the nearest key of a reference",
    document: { rules: [{ when: { sender: { lst: "blocked" } }, then: { action: "reject" } }] },
    issue: { path: "rules[0].when.sender.lst", nearest: "list" },
  },
  {
    name: "names the nearest key of a setting",
    document: { settings: { antivirus: { infcted: "reject" } } },
    issue: {
      path: "settings.antivirus.infcted",
      nearest: "infected",
      allowed: ["action", "clean", "infected", "suspicious", "notScanned", "deleted", "ambiguous"],
    },
  },
  {
    name: "refuses a size without unit",
    document: { settings: { limits: { messageSize: "50" } } },
    issue: {
      path: "settings.limits.messageSize",
      message: "expected a size with its unit (B, KB, MB, GB, TB): 50MB",
      found: '"50"',
    },
  },
  {
    name: "refuses a network with bits behind the prefix",
    document: { lists: { blocked: { clients: ["192.0.2.1/24"] } } },
    issue: { path: "lists.blocked.clients[0]", found: '"192.0.2.1/24"' },
  },
  {
    name: "refuses a circle of groups",
    document: { groups: { a: { parent: "b" }, b: { parent: "a" } } },
    issue: { path: "groups.a.parent", message: "a group cannot be above itself: a -> b -> a" },
  },
  {
    name: "refuses an unknown parent",
    document: { groups: { a: { parent: "bee" }, be: {} } },
    issue: { path: "groups.a.parent", message: "no such group", nearest: "be" },
  },
  {
    name: "refuses a reply of another class than the action",
    document: { rules: [{ then: { action: "defer", reply: "550 5.7.1 no" } }] },
    issue: {
      path: "rules[0].then.reply",
      message: "action defer needs a reply that begins with 4",
    },
  },
  {
    name: "refuses a reply without an enhanced code",
    document: { rules: [{ then: { action: "reject", reply: "550 no" } }] },
    issue: { path: "rules[0].then.reply", found: '"550 no"' },
  },
  {
    name: "refuses a redirect to nowhere",
    document: { rules: [{ then: { action: "redirect" } }] },
    issue: { path: "rules[0].then.action" },
  },
  {
    name: "refuses a rule without then",
    document: { rules: [{ when: {} }] },
    issue: { path: "rules[0].then", message: "is missing" },
  },
  {
    name: "refuses a function",
    document: { rules: [{ when: { tls: () => true }, then: { action: "accept" } }] },
    issue: { path: "rules[0].when.tls", message: "expected boolean", found: "function" },
  },
  {
    name: "refuses nothing at all",
    document: undefined,
    issue: { path: "", message: "there is no document" },
  },
  {
    name: "refuses an unknown zone",
    document: {
      rules: [{ when: { time: { zone: "Europe/Bratislva" } }, then: { action: "accept" } }],
    },
    issue: {
      path: "rules[0].when.time.zone",
      message: "expected a time zone such as Europe/Bratislava or UTC",
    },
  },
];

for (const { name, document, issue } of cases) {
  Deno.test(`checkPolicy() ${name}`, { permissions: "none" }, () => {
    assert.throws(() => checkPolicy(document, "policy.ts"), (error) => {
      assert(error instanceof PolicyDocumentError);
      const [first] = error.issues;
      for (const [key, value] of Object.entries(issue)) {
        assert.deepEqual(first?.[key as keyof DocumentIssue], value, JSON.stringify(error.issues));
      }
      assert.equal(error.code, "document/invalid");
      assert.match(error.message, /^policy\.ts: /);
      return true;
    });
  });
}

Deno.test("checkConfig() names path, found, allowed and nearest", { permissions: "none" }, () => {
  const value = {
    agents: [{
      agent: "smtp",
      listen: "127.0.0.1:0",
      nextHop: "maildir:./m",
      mode: "befor-queue",
      nexthop: 1,
    }],
  };
  assert.throws(() => checkConfig(value, "postern.config.ts"), (error) => {
    assert(error instanceof PolicyDocumentError);
    assert.deepEqual(error.issues.map(({ path, nearest }) => ({ path, nearest })), [
      { path: "agents[0].mode", nearest: "before-queue" },
      { path: "agents[0].nexthop", nearest: "nextHop" },
    ]);
    return true;
  });
  assert.throws(() => checkConfig({ agents: [{ agent: "smpt" }] }, "c"), (error) => {
    assert(error instanceof PolicyDocumentError);
    assert.equal(error.issues[0]?.nearest, "smtp");
    return true;
  });
});
