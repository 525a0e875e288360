import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePolicy } from "./compile.ts";
import { decide } from "./decide.ts";
import { greylistTerms } from "./greylisting.ts";
import { factsArbitrary, policyArbitrary } from "./testing/arbitrary.ts";
import { MAIL } from "./testing/mail.ts";
import type { Facts } from "./types.ts";

const ON = { greylist: { action: "delay", delay: "1m" } };
const terms = (policy: unknown, mail: Partial<Facts> = {}) => {
  const facts = { ...MAIL, ...mail };
  return greylistTerms(decide(compilePolicy(policy), "recipient", facts), facts);
};

Deno.test("greylistTerms() gives what settings, groups and rules say, each for itself", () => {
  const rest = { window: 2 * 86_400_000, keep: 36 * 86_400_000, proven: 5 };
  assert.equal(terms({}), undefined);
  assert.deepEqual(terms({ settings: ON }), { action: "delay", delay: 60_000, ...rest });
  const policy = {
    settings: { greylist: { action: "delay", keep: "10d" } },
    groups: { slow: { recipients: "@example.org", settings: { greylist: { delay: "1h" } } } },
    rules: [
      { when: { client: "192.0.2.0/24" }, then: { greylist: { proven: 0 } } },
      { when: { sender: "@never.example" }, then: { greylist: { action: "pass" } } },
    ],
  };
  const want = { ...rest, action: "delay", delay: 3_600_000, keep: 10 * 86_400_000, proven: 0 };
  assert.deepEqual(terms(policy), want);
  assert.equal(terms(policy, { recipient: "x@elsewhere.example" })?.delay, 300_000);
  assert.equal(terms(policy, { sender: "a@never.example" }), undefined);
});

const never: { name: string; policy?: object; mail: Partial<Facts> }[] = [
  { name: "from the null sender", mail: { sender: "" } },
  { name: "from whoever has logged in", mail: { user: "ann" } },
  { name: "from inside", mail: { direction: "outbound" } },
  { name: "between colleagues", mail: { direction: "internal" } },
  { name: "from no client", mail: { client: null } },
  { name: "from this machine", mail: { client: "127.0.0.1" } },
  { name: "from this machine by IPv6", mail: { client: "::1" } },
  ...(["lmtp", "pop3", "imap", "mda", "pipe", "scan", "cgp", "clamd", "rspamd"] as const).map((
    agent,
  ) => ({ name: `at ${agent}`, mail: { agent } })),
  ...["accept", "reject", "defer", "discard", "quarantine"].map((action) => ({
    name: `that a rule decides: ${action}`,
    policy: { settings: ON, rules: [{ when: { sender: "@sender.example" }, then: { action } }] },
    mail: {},
  })),
  {
    name: "that is dropped without a scan",
    policy: { settings: { ...ON, antivirus: { action: "discard" } } },
    mail: {},
  },
];
for (const { name, policy = { settings: ON }, mail } of never) {
  Deno.test(`greylistTerms() is nothing for mail ${name}`, { permissions: "none" }, () => {
    assert.equal(terms(policy, mail), undefined);
  });
}

Deno.test("greylistTerms() holds where nothing is scanned, too", () => {
  const policy = {
    settings: { ...ON, antivirus: { action: "accept" }, antispam: { action: "accept" } },
  };
  assert.equal(terms(policy)?.delay, 60_000);
});

Deno.test("a second try after the longest delay is always within the shortest window", () => {
  fc.assert(
    fc.property(policyArbitrary, factsArbitrary, (policy, facts) => {
      const { greylist } = decide(compilePolicy(policy), "recipient", facts).settings;
      assert.ok(greylist.delay < greylist.window && greylist.delay < greylist.keep);
    }),
    { numRuns: 200 },
  );
});
