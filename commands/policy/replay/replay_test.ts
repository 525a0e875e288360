import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePolicy } from "../../../policy/compile.ts";
import { record, type RecordInput } from "../testing/records.ts";
import { compareRecord, type Comparison } from "./compare.ts";
import { ReplayPolicy } from "./decide.ts";
import { messageLog } from "./pages.ts";

const policy = (document: unknown) => new ReplayPolicy(compilePolicy(document), document);
const word = (comparison: Comparison): string => {
  if (comparison.kind === "same") return "same";
  if (comparison.kind === "unknown") return `unknown: ${comparison.why}`;
  const { was, wouldBe } = comparison.change;
  return `${was.action} -> ${wouldBe.open ? "let in, " : ""}${wouldBe.action} by ${wouldBe.by}`;
};

const reject = (when: unknown) => ({ rules: [{ name: "r", when, then: { action: "reject" } }] });
const refusedAt = (phase: "connect" | "sender" | "recipient", by = "rule:old"): RecordInput => ({
  size: 0,
  status: "refused",
  known: { phase },
  envelope: {
    sender: phase === "connect" ? "" : "a@example.org",
    recipients: phase === "recipient" ? ["b@example.com"] : [],
    client: "192.0.2.1",
  },
  outcomes: [{
    recipients: phase === "recipient" ? ["b@example.com"] : [],
    action: "reject",
    by,
    reply: "550 5.7.1 no",
  }],
});
const infected: RecordInput = {
  status: "infected",
  findings: [{ name: "Eicar-Test-Signature", part: "1", engine: "builtin" }],
  scan: { status: "infected" },
  outcomes: [{ recipients: ["b@example.com"], action: "reject", by: "antivirus.infected" }],
};

const cases: { name: string; document: unknown; record: RecordInput; want: string }[] = [
  { name: "what stays", document: {}, record: {}, want: "same" },
  {
    name: "a sender that is refused now",
    document: reject({ sender: "@example.org" }),
    record: {},
    want: "accept -> reject by rule:r",
  },
  {
    name: "the time of the begin, not of the end",
    document: reject({ time: { days: "mon", zone: "UTC" } }),
    record: { known: { began: Date.parse("2026-11-23T23:59:59Z") } },
    want: "accept -> reject by rule:r",
  },
  {
    name: "TLS",
    document: reject({ tls: true }),
    record: { known: { tls: true } },
    want: "accept -> reject by rule:r",
  },
  {
    name: "a finding",
    document: { settings: { antivirus: { infected: "quarantine" } } },
    record: infected,
    want: "reject -> quarantine by antivirus.infected",
  },
  {
    name: "a copy that is kept now",
    document: { settings: { quarantine: "clean" } },
    record: {},
    want: "accept -> accept by default",
  },
  {
    name: "a spam threshold",
    document: { settings: { antispam: { threshold: 2, spam: "discard" } } },
    record: { spamScore: 3 },
    want: "accept -> discard by antispam.spam",
  },
  {
    name: "a header field that was asked then",
    document: reject({ header: { name: "List-Id", value: "*news*" } }),
    record: {
      scan: { headerNames: ["list-id"], headers: [{ name: "list-id", value: "the news" }] },
    },
    want: "accept -> reject by rule:r",
  },
  {
    name: "a header field that was asked then and was not there",
    document: reject({ header: { name: "List-Id", present: true } }),
    record: { scan: { headerNames: ["list-id"] } },
    want: "same",
  },
  {
    name: "a header field that was not asked then",
    document: reject({ header: { name: "List-Id", present: true } }),
    record: {},
    want: "unknown: rules ask header list-id",
  },
  {
    name: "such a field in a rule that another condition keeps from matching",
    document: reject({ sender: "@elsewhere.example", header: { name: "List-Id", present: true } }),
    record: {},
    want: "same",
  },
  {
    name: "such a field behind a rule that has the last word",
    document: {
      rules: [
        { name: "first", when: { sender: "a@example.org" }, then: { action: "discard" } },
        {
          when: { not: { header: { name: "List-Id", present: true } } },
          then: { action: "reject" },
        },
      ],
    },
    record: {},
    want: "accept -> discard by rule:first",
  },
  {
    name: "a lookup that no entry keeps, in one of two ways to match",
    document: reject({ any: [{ spf: "fail" }, { sender: "a@example.org" }] }),
    record: {},
    want: "accept -> reject by rule:r",
  },
  {
    name: "a lookup that may end it before the scan, behind a rule that waits for the scan",
    document: {
      settings: { quarantine: "always" },
      rules: [
        { when: { spamScore: { over: 10 }, spf: "pass" }, then: { action: "reject" } },
        {
          when: { not: { spf: "pass", subject: "*nothing like it*" } },
          then: { action: "redirect", redirect: ["x@example.org"] },
        },
        { when: { not: { spamSymptom: "*" } }, then: { quarantine: "never" } },
      ],
    },
    record: {},
    want: "unknown: rules ask spf",
  },
  {
    name: "a lookup that no entry keeps",
    document: reject({ not: { spf: "pass" } }),
    record: {},
    want: "unknown: rules ask spf",
  },
  {
    name: "a lookup that says only how mail is marked",
    document: { rules: [{ when: { spf: "fail" }, then: { marks: { subject: "always" } } }] },
    record: {},
    want: "same",
  },
  {
    name: "attachments, of which not all were kept",
    document: reject({ attachment: { extension: "exe" } }),
    record: { scan: { parts: false } },
    want: "unknown: rules ask attachment",
  },
  {
    name: "a client that is still refused",
    document: reject({ client: "192.0.2.0/24" }),
    record: refusedAt("connect"),
    want: "same",
  },
  {
    name: "a client that is let in",
    document: {},
    record: refusedAt("connect"),
    want: "reject -> let in, accept by default",
  },
  {
    name: "a refused sender whose mail vanishes now",
    document: {
      rules: [{ name: "d", when: { sender: "a@example.org" }, then: { action: "discard" } }],
    },
    record: refusedAt("sender"),
    want: "reject -> let in, discard by rule:d",
  },
  {
    name: "a refused recipient, where the rule asks what is known later",
    document: reject({ recipient: "b@example.com", subject: "x" }),
    record: refusedAt("recipient"),
    want: "reject -> let in, accept by default",
  },
  {
    name: "a message over the new limit",
    document: { settings: { limits: { messageSize: "500B" } } },
    record: {},
    want: "accept -> defer by antivirus.notScanned",
  },
  {
    name: "a message that was over the old limit",
    document: {},
    record: { notScanned: ["size"], scan: { status: "notScanned", parts: false, header: true } },
    want: "unknown: they were too large to be scanned then",
  },
  {
    name: "a message that was not scanned then",
    document: {},
    record: { known: { scan: undefined as never } },
    want: "unknown: they were not scanned then",
  },
  {
    name: "such a message that no scan is asked for",
    document: reject({ sender: "a@example.org" }),
    record: { known: { scan: undefined as never } },
    want: "accept -> reject by rule:r",
  },
  {
    name: "cleaning that was done then",
    document: { settings: { antivirus: { clean: "standard" } } },
    record: { ...infected, known: { cleaned: [{ mode: "standard", status: "cleaned" }] } },
    want: "reject -> accept by default",
  },
  {
    name: "cleaning that was not tried then",
    document: { settings: { antivirus: { clean: "strict" } } },
    record: infected,
    want: "unknown: cleaning (strict) was not tried then",
  },
  {
    name: "what was no policy's doing",
    document: {},
    record: {
      outcomes: [{ recipients: ["b@example.com"], action: "defer", by: "quarantine.failed" }],
    },
    want: "unknown: it was not a policy that decided",
  },
  {
    name: "a first try that had to come again: what would have come then is another entry",
    document: {},
    record: {
      status: "refused",
      outcomes: [{ recipients: ["b@example.com"], action: "defer", by: "greylist" }],
    },
    want: "unknown: it was not a policy that decided",
  },
  {
    name: "an entry without facts",
    document: {},
    record: { known: null },
    want: "unknown: their entries were written without the facts",
  },
];
for (const { name, document, record: given, want } of cases) {
  Deno.test(`compareRecord() tells ${name}`, { permissions: "none" }, () => {
    const known = given.known && "scan" in given.known && given.known.scan === undefined;
    const made = record(given);
    if (known) delete (made.known as { scan?: unknown }).scan;
    assert.deepEqual(compareRecord(made, policy(document), undefined).map(word), [want]);
  });
}

Deno.test("compareRecord() gives all recipients the strictest outcome where they shared one", {
  permissions: "none",
}, () => {
  const recipients = ["b@example.com", "c@example.com"];
  const made = record({
    envelope: { sender: "a@example.org", recipients },
    known: { strictest: true },
  });
  const words = compareRecord(made, policy(reject({ recipient: "c@example.com" })), undefined);
  assert.deepEqual(words.map(word), Array(2).fill("accept -> reject by rule:r"));
});

Deno.test("compareRecord() compares replies and redirections of two policies", {
  permissions: "none",
}, () => {
  const to = (address: string) =>
    policy({ rules: [{ name: "r", then: { action: "redirect", redirect: address } }] });
  const [one] = compareRecord(record(), to("x@example.com"), to("y@example.com"));
  assert.equal(one && word(one), "redirect -> redirect by rule:r");
  const [other] = compareRecord(record(), to("x@example.com"), to("x@example.com"));
  assert.equal(other?.kind, "same");
});

Deno.test("messageLog() reads every entry once, in order, page by page", {
  permissions: "none",
}, async () => {
  const times = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 1500 });
  await fc.assert(
    fc.asyncProperty(times, async (unsorted) => {
      const sorted = unsorted.sort((a, b) => a - b);
      const log = sorted.map((time, i) => ({
        time,
        queueId: `q${i}`,
        record: { ...record({ time }), queueId: `q${i}` },
      }));
      let most = 0;
      const got: string[] = [];
      const read = ({ since, until, limit }: { since: number; until: number; limit: number }) => {
        const page = log.filter(({ time }) => time >= since && time <= until).slice(0, limit);
        most = Math.max(most, page.length);
        return Promise.resolve(page);
      };
      for await (const one of messageLog(read, 0, 40)) got.push(one?.queueId ?? "?");
      assert.deepEqual(got, log.map(({ queueId }) => queueId));
      assert.ok(most <= 500 + sorted.length / 2 + 500);
    }),
    { numRuns: 20 },
  );
});

Deno.test("messageLog() does not stop at an entry that cannot be read", {
  permissions: "none",
}, async () => {
  const log = [{ time: 1, queueId: "a", record: {} }, { no: "entry" }, {
    time: 2,
    queueId: "b",
    record: record(),
  }];
  const got = await Array.fromAsync(messageLog(() => Promise.resolve(log), 0, 9));
  assert.deepEqual(got.map((one) => one?.queueId), [undefined, undefined, "q1"]);
});
