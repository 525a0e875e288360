import assert from "node:assert/strict";
import fc from "fast-check";
import { analysePolicy, type FindingKind } from "./analyse.ts";
import { checkPolicy } from "./check_policy.ts";
import { compilePolicy } from "./compile.ts";
import { winningRules } from "./decide.ts";
import type { PolicyInput } from "./schema.ts";
import { factsArbitrary, policyArbitrary } from "./testing/arbitrary.ts";

type Input = PolicyInput<string, string>;
type Rule = NonNullable<Input["rules"]>[number];
type When = NonNullable<Rule["when"]>;

const reject = { action: "reject" } as const;
const accept = { action: "accept" } as const;
const quarantine = { action: "quarantine" } as const;

/** Two rules that both refuse, of which the second can never decide. */
function behind(first: When, second: When): Input {
  return { rules: [{ when: first, then: reject }, { when: second, then: quarantine }] };
}
/** One rule that refuses. */
function one(when: When, rest: Input = {}): Input {
  return { ...rest, rules: [{ when, then: reject }] };
}

const planted: { name: string; policy: Input; want: [FindingKind, string, number[]?] }[] = [
  {
    name: "an address behind its domain",
    policy: behind({ sender: "@a.example" }, { sender: "bob@a.example" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an address behind itself in other letters",
    policy: behind({ sender: "BOB@a.example" }, { sender: "bob@A.example" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a domain behind all below its parent",
    policy: behind({ sender: "@*.example" }, { sender: "@a.example" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a subdomain behind a wider one",
    policy: behind({ sender: "@*.example" }, { sender: "@*.a.example" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a network within a network",
    policy: behind({ client: "192.0.2.0/24" }, { client: "192.0.2.128/25" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a client within a network",
    policy: behind({ client: "2001:db8::/32" }, { client: "2001:db8::1" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a network behind its halves",
    policy: {
      rules: [{ when: { client: "192.0.2.0/25" }, then: reject }, {
        when: { client: "192.0.2.128/25" },
        then: reject,
      }, { when: { client: "192.0.2.0/24" }, then: quarantine }],
    },
    want: ["shadowed", "rules[2]", [0, 1]],
  },
  {
    name: "a mapped address behind its IPv4 network",
    policy: behind({ client: "192.0.2.0/24" }, { client: "::ffff:192.0.2.7" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "anything behind every mail",
    policy: behind({}, { tls: true }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a rule for more behind one for less",
    policy: behind({ tls: true }, { tls: true, direction: "inbound" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a size within a range",
    policy: behind({ size: { over: "1MB" } }, { size: { atLeast: "2MB", under: "3MB" } }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "all sizes behind two ranges",
    policy: {
      rules: [{ when: { size: { over: "1MB" } }, then: reject }, {
        when: { size: { atMost: "1MB" } },
        then: reject,
      }, { when: { size: { over: "5KB" } }, then: quarantine }],
    },
    want: ["shadowed", "rules[2]", [0, 1]],
  },
  {
    name: "a score above a score",
    policy: behind({ spamScore: { atLeast: 5 } }, { spamScore: { over: 5 } }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a direction behind the two others' opposite",
    policy: behind({ not: { direction: ["inbound", "outbound"] } }, { direction: "internal" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a third direction behind two",
    policy: {
      rules: [{ when: { direction: "inbound" }, then: reject }, {
        when: { not: { direction: "inbound" } },
        then: reject,
      }, { when: { direction: "internal" }, then: quarantine }],
    },
    want: ["shadowed", "rules[2]", [1]],
  },
  {
    name: "a finding behind a glob",
    policy: behind({ finding: "eicar*" }, { finding: "Eicar-Test-Signature" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an attachment's name behind its ending",
    policy: behind({ attachment: { name: "*.exe" } }, { attachment: { name: "setup.exe" } }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a type behind its group",
    policy: behind({ attachment: { type: "executable" } }, { attachment: { type: "pe" } }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an infected mail behind its status",
    policy: behind({ status: "infected" }, { infected: true }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a weekday behind the week",
    policy: behind({ time: { days: ["mon", "tue", "wed"] } }, {
      time: { days: "tue", hours: "08:00-09:00" },
    }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a name behind a domain of names",
    policy: behind({ clientName: "*.dyn.example" }, { clientName: "a.dyn.example" }),
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an extension behind a list",
    policy: {
      lists: { bad: { extensions: ["exe", "scr"] } },
      ...behind({ attachment: { extension: { list: "bad" } } }, {
        attachment: { extension: "SCR" },
      }),
    },
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an address behind a list",
    policy: {
      lists: { blocked: { senders: ["@a.example", "bob@b.example"] } },
      ...behind({ sender: { list: "blocked" } }, { sender: "bob@b.example" }),
    },
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "a member behind its group",
    policy: {
      groups: { staff: { recipients: ["@a.example"], settings: { antispam: { threshold: 3 } } } },
      ...behind({ recipient: { group: "staff" } }, { recipient: "bob@a.example" }),
    },
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "the same setting again",
    policy: {
      rules: [{ when: { tls: true }, then: { antispam: { threshold: 3 } } }, {
        when: { tls: true },
        then: { antispam: { threshold: 4 } },
      }],
    },
    want: ["shadowed", "rules[1]", [0]],
  },
  {
    name: "an accept behind the refusal of its domain",
    policy: {
      rules: [{ when: { sender: "@a.example" }, then: reject }, {
        when: { sender: "bob@a.example" },
        then: accept,
      }],
    },
    want: ["late-accept", "rules[1]", [0]],
  },
  {
    name: "an accept behind the refusal of its network",
    policy: {
      rules: [{ when: { client: "192.0.2.0/24" }, then: { action: "defer" } }, {
        when: { client: "192.0.2.7" },
        then: accept,
      }],
    },
    want: ["late-accept", "rules[1]", [0]],
  },
  {
    name: "an accept of a group behind the refusal of big mail for all",
    policy: {
      groups: { staff: { recipients: ["@a.example"], settings: { antispam: { threshold: 3 } } } },
      rules: [{ when: { size: { over: "10MB" } }, then: reject }, {
        when: { size: { over: "20MB" }, recipient: { group: "staff" } },
        then: accept,
      }],
    },
    want: ["late-accept", "rules[1]", [0]],
  },
  {
    name: "one setting of two given before",
    policy: {
      rules: [{ when: { sender: "@a.example" }, then: { antispam: { threshold: 3 } } }, {
        when: { sender: "bob@a.example" },
        then: { antispam: { threshold: 4, spam: "discard" } },
      }],
    },
    want: ["unreachable-setting", "rules[1].then.antispam.threshold", [0]],
  },
  {
    name: "a setting that every mail gets from a rule",
    policy: {
      settings: { antispam: { threshold: 3 } },
      rules: [{ then: { antispam: { threshold: 4 } } }],
    },
    want: ["unreachable-setting", "settings.antispam.threshold", [0]],
  },
  {
    name: "two domains at once",
    policy: one({ all: [{ sender: "@a.example" }, { sender: "@b.example" }] }),
    want: ["never-matches", "rules[0].when"],
  },
  {
    name: "a network and one beside it",
    policy: one({ client: "192.0.2.0/24", all: [{ client: "198.51.100.0/24" }] }),
    want: ["never-matches", "rules[0].when"],
  },
  {
    name: "a range with nothing in it",
    policy: one({ size: { over: "2MB", under: "1MB" } }),
    want: ["never-matches", "rules[0].when"],
  },
  {
    name: "two directions at once",
    policy: one({ direction: "inbound", not: { direction: ["inbound", "internal"] } }),
    want: ["never-matches", "rules[0].when"],
  },
  {
    name: "a condition and its opposite",
    policy: one({ subject: "a*", not: { subject: "a*" } }),
    want: ["never-matches", "rules[0].when"],
  },
  {
    name: "an empty list",
    policy: one({ sender: { list: "none" } }, { lists: { none: { senders: [] } } }),
    want: ["empty-list", "lists.none.senders"],
  },
  {
    name: "a list that nothing asks",
    policy: one({ tls: true }, { lists: { spare: { senders: ["@a.example"] } } }),
    want: ["unused-list", "lists.spare"],
  },
  {
    name: "a part of a list that nothing asks",
    policy: one({ sender: { list: "l" } }, {
      lists: { l: { senders: ["@a.example"], clients: ["192.0.2.1"] } },
    }),
    want: ["unused-list", "lists.l.clients"],
  },
  {
    name: "an address in two lists that disagree",
    policy: {
      lists: {
        white: { senders: ["bob@a.example", "@c.example"] },
        black: { senders: ["@d.example", "Bob@a.example"] },
      },
      rules: [{ when: { sender: { list: "white" } }, then: { antispam: { action: "accept" } } }, {
        when: { sender: { list: "black" } },
        then: reject,
      }],
    },
    want: ["conflicting-lists", "lists.black", [0, 1]],
  },
  {
    name: "a network in two lists that disagree",
    policy: {
      lists: {
        ours: { clients: ["192.0.2.0/24"] },
        black: { clients: ["192.0.2.0/24", "198.51.100.1"] },
      },
      rules: [{ when: { client: { list: "black" } }, then: reject }, {
        when: { client: { list: "ours" } },
        then: { antispam: { action: "accept" }, antivirus: { action: "accept" } },
      }],
    },
    want: ["conflicting-lists", "lists.ours", [0, 1]],
  },
  {
    name: "a group without recipients",
    policy: { groups: { staff: { settings: { antispam: { threshold: 3 } } } } },
    want: ["unreachable-group", "groups.staff"],
  },
  {
    name: "a group behind one with the same recipients",
    policy: {
      groups: {
        a: { recipients: ["@a.example"], settings: { antispam: { threshold: 3 } } },
        b: { recipients: ["@a.example"], settings: { antispam: { threshold: 4 } } },
      },
    },
    want: ["unreachable-group", "groups.b"],
  },
  {
    name: "two rules of one name",
    policy: {
      rules: [{ name: "x", when: { tls: true }, then: reject }, {
        name: "x",
        when: { tls: false },
        then: reject,
      }],
    },
    want: ["duplicate-name", "rules[1].name", [0]],
  },
  {
    name: "a reply that no action gives",
    policy: {
      settings: { antivirus: { infected: "defer" }, replies: { infected: "550 5.7.1 no" } },
    },
    want: ["unused-reply", "settings.replies.infected"],
  },
];

for (const { name, policy, want: [kind, path, rules = []] } of planted) {
  Deno.test(`analysePolicy() finds ${name}`, { permissions: "none" }, () => {
    const { findings } = analysePolicy(checkPolicy(policy), compilePolicy(policy));
    const found = findings.find((finding) => finding.kind === kind && finding.path === path);
    assert(found, JSON.stringify(findings));
    assert.deepEqual(found.rules, rules);
    if (kind !== "empty-list") assert.equal(findings.length, 1, JSON.stringify(findings));
  });
}

const clean: { name: string; policy: Input }[] = [
  { name: "nothing", policy: {} },
  {
    name: "an exception before its rule",
    policy: {
      rules: [{ when: { sender: "bob@a.example" }, then: accept }, {
        when: { sender: "@a.example" },
        then: reject,
      }],
    },
  },
  {
    name: "a domain before all below it",
    policy: behind({ sender: "@a.example" }, { sender: "@*.a.example" }),
  },
  {
    name: "a domain behind all below it",
    policy: behind({ sender: "@*.a.example" }, { sender: "@a.example" }),
  },
  { name: "two domains", policy: behind({ sender: "@a.example" }, { sender: "@b.example" }) },
  { name: "the null sender", policy: behind({ sender: "<>" }, { sender: "@a.example" }) },
  {
    name: "a network within one, first",
    policy: behind({ client: "192.0.2.128/25" }, { client: "192.0.2.0/24" }),
  },
  {
    name: "networks side by side",
    policy: behind({ client: "192.0.2.0/25" }, { client: "192.0.2.128/25" }),
  },
  { name: "IPv4 and IPv6 of all", policy: behind({ client: "0.0.0.0/0" }, { client: "::/0" }) },
  {
    name: "clients and none",
    policy: behind({ client: ["0.0.0.0/0", "::/0"] }, { client: { present: false } }),
  },
  {
    name: "three directions",
    policy: {
      rules: [{ when: { direction: "inbound" }, then: reject }, {
        when: { direction: "outbound" },
        then: reject,
      }, { when: { direction: "internal" }, then: reject }],
    },
  },
  {
    name: "a direction and its opposite, for what is unknown neither",
    policy: behind({ direction: "inbound" }, { not: { direction: "inbound" } }),
  },
  {
    name: "a range and the rest",
    policy: behind({ size: { over: "1MB" } }, { size: { atMost: "1MB" } }),
  },
  {
    name: "overlapping ranges",
    policy: behind({ size: { over: "2MB" } }, { size: { over: "1MB" } }),
  },
  {
    name: "a score from and above",
    policy: behind({ spamScore: { over: 5 } }, { spamScore: { atLeast: 5 } }),
  },
  { name: "globs that overlap", policy: behind({ subject: "a*" }, { subject: "*b" }) },
  {
    name: "a glob and what is like it",
    policy: behind({ finding: "eicar-*" }, { finding: "eicar*" }),
  },
  {
    name: "an ending behind a name",
    policy: behind({ attachment: { name: "setup.exe" } }, { attachment: { name: "*.exe" } }),
  },
  {
    name: "a group of types behind one",
    policy: behind({ attachment: { type: "pe" } }, { attachment: { type: "executable" } }),
  },
  {
    name: "one attachment and several",
    policy: behind({ attachment: { type: "pe", encrypted: true } }, { attachment: { type: "pe" } }),
  },
  {
    name: "name and content apart",
    policy: behind({ attachment: { extension: "exe" } }, { attachment: { type: "pe" } }),
  },
  { name: "two findings at once", policy: one({ all: [{ finding: "a" }, { finding: "b" }] }) },
  { name: "two headers", policy: behind({ header: { name: "X-A" } }, { header: { name: "X-B" } }) },
  {
    name: "a header's value behind another",
    policy: behind({ header: { name: "X-A", value: "b*" } }, { header: { name: "X-A" } }),
  },
  {
    name: "a header that is not there",
    policy: behind({ header: { name: "X-A" } }, { header: { name: "X-A", present: false } }),
  },
  {
    name: "weekdays and weekend",
    policy: behind({ time: { days: ["sat", "sun"] } }, {
      time: { days: "fri", hours: "22:00-06:00" },
    }),
  },
  {
    name: "the same hours in two zones",
    policy: behind({ time: { hours: "08:00-09:00" } }, {
      time: { hours: "08:00-09:00", zone: "Asia/Kathmandu" },
    }),
  },
  {
    name: "other settings for the same mail",
    policy: {
      rules: [{ when: { tls: true }, then: { antispam: { threshold: 3 } } }, {
        when: { tls: true },
        then: reject,
      }],
    },
  },
  {
    name: "one more setting for less mail",
    policy: {
      rules: [{ when: { tls: true }, then: { antispam: { threshold: 3 } } }, {
        when: { tls: true, sender: "@a.example" },
        then: { antispam: { spam: "discard" } },
      }],
    },
  },
  {
    name: "a list and an exception",
    policy: {
      lists: { white: { senders: ["bob@a.example"] }, black: { senders: ["@a.example"] } },
      rules: [{ when: { sender: { list: "white" } }, then: accept }, {
        when: { sender: { list: "black" } },
        then: reject,
      }],
    },
  },
  {
    name: "two lists that agree",
    policy: {
      lists: {
        a: { senders: ["@a.example", "@c.example"] },
        b: { senders: ["@a.example", "@d.example"] },
      },
      rules: [{ when: { sender: { list: "a" } }, then: reject }, {
        when: { sender: { list: "b" } },
        then: reject,
      }],
    },
  },
  {
    name: "one list of two parts",
    policy: {
      lists: { a: { senders: ["@a.example"], clients: ["192.0.2.1"] } },
      rules: [{ when: { sender: { list: "a" } }, then: reject }, {
        when: { client: { list: "a" } },
        then: reject,
      }],
    },
  },
  {
    name: "a list for a group",
    policy: {
      lists: { a: { recipients: ["@a.example"] } },
      groups: { g: { recipients: { list: "a" }, settings: { antispam: { threshold: 3 } } } },
    },
  },
  {
    name: "a group for rules only",
    policy: {
      groups: { g: { recipients: ["@a.example"] } },
      rules: [{ when: { recipient: { group: "g" } }, then: reject }],
    },
  },
  {
    name: "a parent without recipients",
    policy: {
      groups: {
        all: { settings: { antispam: { threshold: 3 } } },
        g: { parent: "all", recipients: ["@a.example"] },
      },
    },
  },
  {
    name: "a member of two groups",
    policy: {
      groups: {
        a: { recipients: ["@a.example"], settings: { antispam: { threshold: 3 } } },
        b: { recipients: ["bob@a.example"], settings: { antispam: { threshold: 4 } } },
      },
    },
  },
  {
    name: "a rule for every mail at the end",
    policy: { rules: [{ when: { tls: true }, then: accept }, { then: reject }] },
  },
  {
    name: "any of several",
    policy: {
      rules: [{ when: { any: [{ tls: true }, { user: { present: true } }] }, then: accept }, {
        when: { tls: false },
        then: reject,
      }],
    },
  },
  { name: "an infected mail by name", policy: behind({ infected: "eicar*" }, { infected: true }) },
  {
    name: "replies that fit",
    policy: {
      settings: {
        antivirus: { notScanned: "defer" },
        replies: { infected: "550 5.7.1 no", notScanned: "451 4.7.1 later" },
      },
    },
  },
  {
    name: "names of their own",
    policy: {
      rules: [{ name: "a", when: { tls: true }, then: reject }, {
        name: "b",
        when: { tls: false },
        then: reject,
      }],
    },
  },
];

for (const { name, policy } of clean) {
  Deno.test(`analysePolicy() finds nothing in ${name}`, { permissions: "none" }, () => {
    assert.deepEqual(analysePolicy(checkPolicy(policy), compilePolicy(policy)).findings, []);
  });
}

Deno.test("analysePolicy() names the rule that delays another", { permissions: "none" }, () => {
  const policy: Input = {
    rules: [
      { when: { sender: "@a.example", attachment: { type: "pe" } }, then: quarantine },
      { when: { client: "192.0.2.1" }, then: reject },
      { when: { sender: "@b.example" }, then: reject },
    ],
  };
  assert.deepEqual(analysePolicy(checkPolicy(policy), compilePolicy(policy)).delays, [
    { rule: 1, phase: "connect", waitsFor: 0, until: "content" },
  ]);
});

Deno.test("analysePolicy() never calls unreachable what decides a random mail", () => {
  const mails = fc.sample(factsArbitrary, { numRuns: 200, seed: 11 });
  fc.assert(
    fc.property(policyArbitrary, (document) => {
      const tree = compilePolicy(document);
      const { findings } = analysePolicy(checkPolicy(document), tree);
      const dead = findings.filter(({ kind }) =>
        kind === "never-matches" || kind === "shadowed" || kind === "late-accept"
      )
        .map(({ path }) => Number(/\d+/.exec(path)![0]));
      for (const facts of mails) {
        const winners = winningRules(tree, facts);
        for (const rule of dead) {
          assert(!winners.includes(rule), `rule ${rule} decides ${JSON.stringify(facts)}`);
        }
      }
    }),
    { numRuns: 150 },
  );
});
