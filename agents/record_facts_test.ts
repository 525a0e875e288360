import assert from "node:assert/strict";
import * as v from "valibot";
import type { Verdict } from "../engine/types.ts";
import { compilePolicy } from "../policy/compile.ts";
import { decide } from "../policy/decide.ts";
import type { MessageRecord } from "./ports.ts";
import { messageRecord, refusedRecord } from "./way_record.ts";
import type { Way, WayRequest } from "./way_types.ts";
import { recordSchema } from "./worker_protocol.ts";

const tree = compilePolicy({
  rules: [{
    when: { header: [{ name: "List-Id", present: true }, { name: "X-Long", value: "a*" }] },
    then: { action: "accept" },
  }],
});
const request: WayRequest = {
  agent: "smtp",
  listener: "mx",
  queueId: "q1",
  time: 1_700_000_000_000,
  envelope: { sender: "a@example.org", recipients: ["b@example.com"], client: "192.0.2.1" },
  tls: true,
  message: new Uint8Array(10),
  tree,
  nextHop: "smtp://127.0.0.1:25",
  splitting: "copies",
};
const verdict: Verdict = {
  status: "clean",
  findings: [],
  notScanned: [],
  parts: [
    { path: "", parent: "", kind: "root" },
    { path: "1", parent: "", kind: "part" },
    { path: "2", parent: "", kind: "part" },
  ].map((part) => ({ ...part, names: [], type: "text", size: 1 })) as unknown as Verdict["parts"],
  ambiguities: [],
  layout: {} as unknown as NonNullable<Verdict["layout"]>,
  subject: "hello",
  headers: [{ name: "list-id", value: "a list" }, { name: "x-long", value: "a".repeat(2000) }],
  spam: { score: 2, symptoms: [{ name: "ONE", score: 2 }] } as unknown as NonNullable<
    Verdict["spam"]
  >,
  sha256: "",
  size: 10,
  costs: {},
};
const outcome = decide(tree, "verdict", { agent: "smtp", listener: "mx", time: 0 });
const way = (more: Partial<Way> = {}): Way => ({
  verdict,
  groups: [{ recipients: ["b@example.com"], outcome }],
  times: {},
  direction: "inbound",
  ...more,
});

/** As a worker sends it and the message log keeps it. */
function kept(record: MessageRecord): v.InferOutput<typeof recordSchema> {
  return v.parse(recordSchema, JSON.parse(JSON.stringify(record)));
}

Deno.test("messageRecord() keeps what a replay asks, bounded", { permissions: "none" }, () => {
  const record = kept(messageRecord(request, way(), [{}]));
  assert.deepEqual(record.known, {
    began: 1_700_000_000_000,
    tls: true,
    phase: "verdict",
    strictest: false,
    scan: {
      status: "clean",
      parts: true,
      header: true,
      headerNames: ["list-id"], // a value of X-Long is too long: what it says is not kept
      headers: [{ name: "list-id", value: "a list" }],
      spamSymptoms: ["ONE"],
    },
    cleaned: [],
  });
  assert.equal(record.attachments.length, 1); // two parts that no rule can tell apart
});

Deno.test("messageRecord() does not call kinds of attachment all that are not", {
  permissions: "none",
}, () => {
  const [root, part] = verdict.parts;
  const parts = Array.from({ length: 600 }, (_, i) => ({ ...part!, names: [`${i}.txt`] }));
  const record = kept(
    messageRecord(request, way({ verdict: { ...verdict, parts: [root!, ...parts] } }), [{}]),
  );
  assert.equal(record.attachments.length, 500);
  assert.equal(record.known?.scan?.parts, false);
});

Deno.test("messageRecord() says what cleaning came to", { permissions: "none" }, () => {
  const settings = {
    ...outcome.settings,
    antivirus: { ...outcome.settings.antivirus, clean: "strict" as const },
  };
  const groups = [{
    recipients: ["b@example.com"],
    outcome: { ...outcome, settings, status: "cleaned" as const },
  }];
  const record = kept(messageRecord(request, way({ groups }), [{}]));
  assert.deepEqual(record.known?.cleaned, [{ mode: "strict", status: "cleaned" }]);
});

Deno.test("refusedRecord() says when it was refused", { permissions: "none" }, () => {
  const record = kept(refusedRecord(request, "550 no", "reject", "rule:x", "sender"));
  assert.equal(record.known?.phase, "sender");
  assert.equal(record.known?.scan, undefined);
});
