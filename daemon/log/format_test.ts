import assert from "node:assert/strict";
import fc from "fast-check";
import type { MessageRecord } from "../../agents/ports.ts";
import { unescapeText } from "./escape.ts";
import { jsonLine, messageEvent, plainEvent, textLine } from "./format.ts";
import { LINE_OCTETS } from "./limits.ts";

const RECORD: MessageRecord = {
  queueId: "4bQ1",
  agent: "smtp",
  listener: "in",
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  envelope: {
    sender: "a@example.org",
    recipients: ["b@example.net", "c@example.net", "d@example.net"],
    client: "192.0.2.1",
    helo: "mx.example.org",
    protocol: "ESMTP",
  },
  direction: "inbound",
  size: 1234,
  messageId: "<1@example.org>",
  subject: "Hello there",
  status: "infected",
  findings: [{ name: "Eicar-Test-Signature", part: "2", engine: "builtin" }],
  notScanned: [],
  ambiguities: [],
  outcomes: [
    {
      recipients: ["b@example.net", "c@example.net"],
      action: "reject",
      by: "antivirus.infected",
      reply: "550 5.7.1 No",
    },
    { recipients: ["d@example.net"], action: "quarantine", by: "rule:d", quarantineId: "q1" },
  ],
  attachments: [],
  times: { scan: 1.25, total: 3 },
};

/** The fields of a text line, as a reader of logs takes them apart. */
function parse(line: string): [string, string][] {
  const fields = /([A-Za-z0-9_.-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?: |$)/guy;
  fields.lastIndex = line.indexOf(" ", line.indexOf(" ") + 1) + 1;
  const found: [string, string][] = [];
  while (fields.lastIndex < line.length) {
    const match = fields.exec(line);
    assert.ok(match, `not a field: ${line}`);
    found.push([match[1] ?? "", unescapeText(match[2] ?? match[3] ?? "")]);
  }
  return found;
}

Deno.test("textLine() writes one line a message, recipients by outcome", {
  permissions: "none",
}, () => {
  assert.equal(
    textLine(messageEvent(RECORD), LINE_OCTETS),
    "2026-01-02T03:04:05.678Z info msg=mail queue=4bQ1 agent=smtp listener=in client=192.0.2.1 " +
      "helo=mx.example.org proto=ESMTP direction=inbound from=<a@example.org> size=1234 " +
      "status=infected findings=Eicar-Test-Signature@2 to=b@example.net,c@example.net " +
      'action=reject by=antivirus.infected reply="550 5.7.1 No" to.2=d@example.net ' +
      "action.2=quarantine by.2=rule:d quarantine.2=q1 message_id=<1@example.org> " +
      'subject="Hello there" scan_ms=1.3 total_ms=3',
  );
});

Deno.test("a message's line names the external engines that gave no verdict", {
  permissions: "none",
}, () => {
  const engines = [
    { name: "clamd", status: "clean", ms: 3 },
    { name: "icap", status: "notScanned", reason: "time", ms: 30_000 },
  ] as const;
  const event = messageEvent({ ...RECORD, engines });
  assert.match(textLine(event, LINE_OCTETS), / engines_failed=icap:time /);
  assert.deepEqual(JSON.parse(jsonLine(event, LINE_OCTETS)).engines, engines);
});

Deno.test("jsonLine() keeps the shape of outcomes", { permissions: "none" }, () => {
  const line = jsonLine(messageEvent(RECORD), LINE_OCTETS);
  const parsed = JSON.parse(line);
  assert.equal(parsed.time, "2026-01-02T03:04:05.678Z");
  assert.equal(parsed.outcomes[1].quarantine, "q1");
  assert.deepEqual(parsed.outcomes[0].to, ["b@example.net", "c@example.net"]);
});

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(...'\r\n\0\x1b"\\%=, \u2028\u2029\u202e\x85<22>a') }),
);

Deno.test("textLine() and jsonLine() cannot be broken or forged by what mail says", {
  permissions: "none",
}, () => {
  fc.assert(
    fc.property(text, text, text, fc.array(text, { maxLength: 5 }), (sender, helo, subject, to) => {
      const outcome = { recipients: to, action: "accept", by: "default", reply: subject } as const;
      const record: MessageRecord = {
        ...RECORD,
        envelope: { ...RECORD.envelope, sender, helo, recipients: to },
        subject,
        messageId: helo,
        findings: [{ name: subject, part: helo, engine: "builtin" }],
        outcomes: [outcome],
      };
      const line = textLine(messageEvent(record), LINE_OCTETS);
      const keys =
        "msg queue agent listener client helo proto direction from size status findings " +
        "to action by reply message_id subject scan_ms total_ms";
      assert.doesNotMatch(line, /[\p{Cc}\u2028\u2029]/u);
      const fields = parse(line);
      assert.equal(fields.map(([key]) => key).join(" "), keys);
      assert.equal(Object.fromEntries(fields).from, `<${sender}>`);
      assert.equal(Object.fromEntries(fields).subject, subject);
      const json = jsonLine(messageEvent(record), LINE_OCTETS);
      assert.doesNotMatch(json, /[\p{Cc}\u2028\u2029]/u);
      assert.equal(JSON.parse(json).from, sender);
      assert.equal(JSON.parse(json).status, "infected");
    }),
  );
});

Deno.test("textLine() and jsonLine() stay within their octets", { permissions: "none" }, () => {
  const many = Array.from({ length: 5000 }, (_, i) => `${"ü".repeat(300)}${i}@example.net`);
  const record: MessageRecord = {
    ...RECORD,
    subject: "\0".repeat(100_000),
    envelope: { ...RECORD.envelope, recipients: many },
    outcomes: many.map((to) => ({ recipients: [to, ...many], action: "accept", by: to })),
  };
  for (const most of [500, 8_000, LINE_OCTETS]) {
    for (const format of [textLine, jsonLine]) {
      const line = format(messageEvent(record), most);
      assert.ok(new TextEncoder().encode(line).length <= most, `${format.name} ${most}`);
      assert.match(line, /fields_cut|outcomesCut/);
    }
  }
});

Deno.test("plainEvent() does not let a field stand for time, level or message", {
  permissions: "none",
}, () => {
  const event = plainEvent("error", 0, "x\ny", { level: "info", "a b=": 1 });
  assert.equal(
    textLine(event, LINE_OCTETS),
    '1970-01-01T00:00:00.000Z error msg="x\\ny" level_=info a_b_=1',
  );
});
