/** Random policies and random mail over a small vocabulary, so that they meet often. */
import fc from "fast-check";
import { NOT_SCANNED_REASONS, SCAN_STATUSES } from "../../engine/types.ts";
import { DKIM_RESULTS, DMARC_RESULTS, SPF_RESULTS } from "../authentication_results.ts";
import { WEEKDAYS } from "../schema/condition.ts";
import {
  ACTIONS,
  AGENT_NAMES,
  DIRECTIONS,
  type Facts,
  GREYLIST_ACTIONS,
  HANDLE_ACTIONS,
  REPORT_STATUSES,
} from "../types.ts";

const LISTS = ["l1", "l2", "l3"] as const;
const GROUPS = ["g1", "g2", "g3", "g4"] as const;

const domains = [
  "a.example",
  "b.a.example",
  "c.b.a.example",
  "d.example",
  "bücher.example",
  "xn--bcher-kva.example",
];
const locals = ["ann", "Bob", "c.d", "ex"];
const addressFact = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom(...locals), fc.constantFrom(...domains)).map((parts) =>
      parts.join("@")
    ),
  },
  fc.constantFrom(
    "",
    "ANN@A.Example",
    "postmaster",
    '"x@y"@a.example',
    "ann@[192.0.2.1]",
    "Ä@d.example",
  ),
);
const addressPattern = fc.oneof(
  fc.tuple(fc.constantFrom(...locals), fc.constantFrom(...domains)).map((parts) => parts.join("@")),
  fc.constantFrom(...domains).map((domain) => `@${domain}`),
  fc.constantFrom("example", ...domains).map((domain) => `@*.${domain}`),
  fc.constantFrom("<>", '"x@y"@a.example', "ann@[192.0.2.1]", "ä@D.example"),
);
const network = fc.constantFrom(
  "192.0.2.1",
  "192.0.2.0/24",
  "192.0.2.0/25",
  "192.0.0.0/16",
  "0.0.0.0/0",
  "198.51.100.7",
  "2001:db8::/32",
  "2001:db8::1",
  "2001:db8:0:1::/64",
  "::/0",
  "::ffff:192.0.2.0/120",
);
const clientFact = fc.constantFrom(
  "192.0.2.1",
  "192.0.2.200",
  "192.0.3.1",
  "198.51.100.7",
  "203.0.113.9",
  "2001:db8::1",
  "2001:DB8:0:1::5",
  "2001:db9::1",
  "::ffff:192.0.2.1",
  "not an address",
);
const word = fc.constantFrom(
  "mx.a.example",
  "MX.b.example",
  "a",
  "report.exe",
  "invoice.PDF.exe",
  "Eicar-Test",
  "x",
  "Grüße",
);
const glob = fc.oneof(
  word,
  fc.constantFrom(
    "*",
    "?",
    "*.example",
    "*.a.example",
    "*.exe",
    "mx.*",
    "*a*",
    "*e?a*",
    "inv*.exe",
    "eicar*",
    "*ü*",
    "GR*SSE",
    "gr??e",
    "*xe",
    "**t",
    "*x*x*",
  ),
);
const extension = fc.constantFrom("exe", "PDF", "docm", "ü");
const attachmentType = fc.constantFrom(
  "pe",
  "zip",
  "executable",
  "archive",
  "text",
  "script",
  "ooxml",
);

const list = fc.constantFrom(...LISTS).map((name) => ({ list: name }));
const group = fc.constantFrom(...GROUPS).map((name) => ({ group: name }));
const present = fc.boolean().map((there) => ({ present: there }));

function oneOrMore<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> {
  return fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 3 }));
}

const texts = oneOrMore(fc.oneof({ weight: 4, arbitrary: glob }, list, present));

function range<T>(value: fc.Arbitrary<T>) {
  return fc.record({ over: value, atLeast: value, under: value, atMost: value }, {
    requiredKeys: [],
  })
    .filter((limits) => Object.keys(limits).length > 0);
}

const some = { requiredKeys: [] as never[] };

const attributes = {
  agent: oneOrMore(fc.constantFrom(...AGENT_NAMES.slice(0, 3))),
  listener: oneOrMore(fc.constantFrom("in", "out", "IN")),
  client: oneOrMore(fc.oneof({ weight: 4, arbitrary: network }, list, present)),
  clientName: texts,
  helo: texts,
  tls: fc.boolean(),
  user: texts,
  sender: oneOrMore(fc.oneof({ weight: 4, arbitrary: addressPattern }, list)),
  recipient: oneOrMore(fc.oneof({ weight: 4, arbitrary: addressPattern }, list, group)),
  direction: oneOrMore(fc.constantFrom(...DIRECTIONS)),
  size: oneOrMore(range(fc.constantFrom("0B", "1KB", "2KB", "1.5KB", "1MB"))),
  time: oneOrMore(fc.record({
    days: oneOrMore(fc.constantFrom(...WEEKDAYS)),
    hours: oneOrMore(
      fc.constantFrom("08:00-17:00", "22:00-06:00", "00:00-24:00", "12:00-12:00", "23:45-00:15"),
    ),
    zone: fc.constantFrom("UTC", "Europe/Bratislava", "Asia/Kathmandu"),
  }, some)),
  header: oneOrMore(fc.oneof(
    fc.record({ name: fc.constantFrom("X-A", "x-b") }),
    fc.record({ name: fc.constantFrom("X-A", "x-b"), present: fc.boolean() }),
    fc.record({ name: fc.constantFrom("X-A", "x-b"), value: oneOrMore(glob) }),
  )),
  subject: texts,
  attachment: oneOrMore(
    fc.record({
      name: oneOrMore(fc.oneof({ weight: 4, arbitrary: glob }, list)),
      type: oneOrMore(attachmentType),
      extension: oneOrMore(fc.oneof({ weight: 4, arbitrary: extension }, list)),
      encrypted: fc.boolean(),
      macro: fc.boolean(),
    }, some).filter((part) => Object.keys(part).length > 0),
  ),
  infected: fc.oneof(fc.boolean(), oneOrMore(fc.oneof(glob, list))),
  finding: oneOrMore(fc.oneof(glob, list)),
  notScanned: fc.oneof(
    fc.boolean(),
    oneOrMore(fc.constantFrom(...NOT_SCANNED_REASONS.slice(0, 3))),
  ),
  ambiguous: fc.oneof(fc.boolean(), oneOrMore(glob)),
  engineFailed: fc.oneof(fc.boolean(), oneOrMore(glob)),
  status: oneOrMore(fc.constantFrom(...SCAN_STATUSES)),
  spamScore: oneOrMore(range(fc.constantFrom(-1, 0, 2.5, 6, 10))),
  spamSymptom: oneOrMore(glob),
  spf: oneOrMore(fc.constantFrom(...SPF_RESULTS)),
  dkim: oneOrMore(fc.constantFrom(...DKIM_RESULTS)),
  dmarc: oneOrMore(fc.constantFrom(...DMARC_RESULTS)),
  signaturesAge: oneOrMore(range(fc.constantFrom("1h", "1d", "1w"))),
  language: oneOrMore(fc.oneof(fc.constantFrom("en", "sk"), present)),
};

/** One to three attributes, or nesting. */
const condition: fc.Memo<object> = fc.memo((depth) => {
  const flat = fc.uniqueArray(
    fc.constantFrom(...Object.keys(attributes) as (keyof typeof attributes)[]),
    {
      minLength: 1,
      maxLength: 3,
    },
  ).chain((names) =>
    fc.record(
      Object.fromEntries(names.map((name) => [name, attributes[name] as fc.Arbitrary<unknown>])),
    )
  );
  if (depth <= 1) return flat;
  const inner = condition(depth - 1);
  return fc.oneof(
    { weight: 5, arbitrary: flat },
    inner.map((not) => ({ not })),
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.tuple(flat, inner).map(([attributes, not]) => ({ ...attributes, not })),
    fc.constant({}),
  );
});

const handle = fc.constantFrom(...HANDLE_ACTIONS);
const gate = fc.oneof({ weight: 3, arbitrary: fc.constant("scan" as const) }, handle);
const statuses = fc.oneof(
  fc.constantFrom("always", "never", ...REPORT_STATUSES),
  fc.uniqueArray(fc.constantFrom(...REPORT_STATUSES), { minLength: 1, maxLength: 3 }),
);
const reply = fc.constantFrom("550 5.7.1 no", "451 4.7.1 later");
const parts = {
  antivirus: fc.record({
    action: gate,
    clean: fc.constantFrom("none", "strict"),
    infected: handle,
    suspicious: handle,
    notScanned: handle,
    deleted: handle,
    ambiguous: fc.constantFrom("pass", "rewrite"),
  }, some),
  antispam: fc.record({
    action: gate,
    threshold: fc.constantFrom(0, 2.5, 6),
    spam: handle,
    subjectPrefix: fc.constantFrom("", "[S] "),
  }, some),
  limits: fc.record({
    messageSize: fc.constantFrom("1MB", "2MB"),
    scanTime: fc.constantFrom("1s", "2s"),
  }, some),
  greylist: fc.record({
    action: fc.constantFrom(...GREYLIST_ACTIONS),
    delay: fc.constantFrom("1s", "5m"),
    window: fc.constantFrom("1d", "2d"),
    keep: fc.constantFrom("1d", "36d"),
    proven: fc.constantFrom(0, 5),
  }, some),
  marks: fc.record(
    { header: statuses, subject: statuses, language: fc.constantFrom("auto", "sk") },
    some,
  ),
  quarantine: statuses,
  notify: fc.record({
    infected: fc.constantFrom("ann@a.example"),
    spam: fc.constantFrom("ann@a.example"),
  }, some),
  replies: fc.record({ infected: reply, spam: reply, rule: reply }, some),
};
const settings = fc.record(parts, some);
const action = fc.oneof(
  fc.constantFrom(...ACTIONS.filter((one) => one !== "redirect")).map((one): object => ({
    action: one,
  })),
  fc.constant({ action: "reject", reply: "554 5.7.1 own" }),
  fc.constant({ action: "redirect", redirect: ["ann@a.example"] }),
);
const then = fc.oneof(
  { weight: 3, arbitrary: action },
  { weight: 2, arbitrary: settings.filter((one) => Object.keys(one).length > 0) },
  fc.tuple(action, settings).map(([first, rest]) => ({ ...rest, ...first })),
);

const rule = fc.record({
  when: fc.oneof({ weight: 20, arbitrary: condition(3) }, fc.constant({})),
  then,
});

const listArbitrary = fc.record({
  senders: fc.array(addressPattern, { maxLength: 4 }),
  recipients: fc.array(addressPattern, { maxLength: 4 }),
  clients: fc.array(network, { maxLength: 3 }),
  names: fc.array(glob, { maxLength: 3 }),
  users: fc.array(glob, { maxLength: 3 }),
  subjects: fc.array(glob, { maxLength: 3 }),
  findings: fc.array(glob, { maxLength: 3 }),
  attachments: fc.array(glob, { maxLength: 3 }),
  extensions: fc.array(extension, { maxLength: 3 }),
});

/** Whole documents: all attributes, nesting, lists, groups with parents. */
export const policyArbitrary = fc.record({
  lists: fc.record({ l1: listArbitrary, l2: listArbitrary, l3: listArbitrary }),
  settings,
  rules: fc.array(rule, { maxLength: 8 }),
  groups: fc.tuple(
    ...GROUPS.map((_, index) =>
      fc.record({
        recipients: oneOrMore(fc.oneof({ weight: 3, arbitrary: addressPattern }, list)),
        parent: index === 0
          ? fc.constant(undefined)
          : fc.constantFrom(undefined, ...GROUPS.slice(0, index)),
        settings,
      }, { requiredKeys: ["parent"] })
    ),
  ).map((made) => Object.fromEntries(made.map((one, index) => [GROUPS[index]!, one]))),
});

function unknown<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 8 });
}
function none<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> {
  return unknown(fc.option(value, { freq: 5 }));
}

/** Random facts, some unknown, some known to be none. */
export const factsArbitrary: fc.Arbitrary<Facts> = fc.record({
  agent: fc.constantFrom(...AGENT_NAMES.slice(0, 4)),
  listener: fc.constantFrom("in", "Out", "else"),
  time: fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2024, 11, 31) }),
  client: none(clientFact),
  clientName: none(word),
  helo: none(word),
  tls: unknown(fc.boolean()),
  user: none(word),
  sender: unknown(addressFact),
  recipient: unknown(addressFact),
  direction: unknown(fc.constantFrom(...DIRECTIONS)),
  size: unknown(fc.constantFrom(0, 1, 1023, 1024, 1025, 1536, 2048, 3000, 1 << 20, 5e6)),
  headers: unknown(
    fc.array(fc.record({ name: fc.constantFrom("X-A", "x-a", "X-B", "other"), value: word }), {
      maxLength: 3,
    }),
  ),
  subject: none(word),
  attachments: unknown(fc.array(
    fc.record({
      names: fc.array(fc.oneof(word, fc.constantFrom("a.exe. ", "b.docm", "c.Ü")), {
        maxLength: 2,
      }),
      type: fc.constantFrom("pe", "zip", "text", "ooxml", "shell"),
      encrypted: fc.boolean(),
      macro: fc.boolean(),
    }),
    { maxLength: 3 },
  )),
  ambiguities: unknown(fc.array(word, { maxLength: 2 })),
  enginesFailed: unknown(fc.array(word, { maxLength: 2 })),
  status: unknown(fc.constantFrom(...SCAN_STATUSES)),
  findings: unknown(fc.array(word, { maxLength: 2 })),
  notScanned: unknown(
    fc.array(fc.constantFrom(...NOT_SCANNED_REASONS.slice(0, 4)), { maxLength: 2 }),
  ),
  spamScore: unknown(fc.constantFrom(-5, -1, 0, 1, 2.5, 6, 6.1, 10, 50)),
  spamSymptoms: unknown(fc.array(word, { maxLength: 2 })),
  spf: unknown(fc.constantFrom<string>(...SPF_RESULTS, "odd")),
  dkim: unknown(fc.constantFrom<string>(...DKIM_RESULTS)),
  dmarc: unknown(fc.constantFrom<string>(...DMARC_RESULTS)),
  signaturesAge: unknown(fc.constantFrom(0, 3_600_000, 3_600_001, 86_400_000, 1e9)),
  language: none(fc.constantFrom("en", "sk", "de")),
  cleaned: unknown(fc.boolean()),
  deleted: unknown(fc.boolean()),
});
