import assert from "node:assert/strict";
import fc from "fast-check";
import { QMAIL_STATUS, readEnvelope } from "./envelope.ts";

const octets = (text: string) => new TextEncoder().encode(text);

Deno.test("an envelope cut anywhere queues nothing", () => {
  const whole = octets("Fa@s.test\0Tb@Here.TEST\0Tc@here.test\0\0");
  assert.deepEqual(readEnvelope(whole), {
    sender: "a@s.test",
    recipients: ["b@here.test", "c@here.test"],
  });
  for (let end = 0; end < whole.length; end++) {
    assert.deepEqual(readEnvelope(whole.subarray(0, end)), { status: QMAIL_STATUS.read });
  }
});

Deno.test("what is no envelope has its own status", () => {
  const rows: [string, ReturnType<typeof readEnvelope>][] = [
    ["\0", { status: QMAIL_STATUS.envelope }],
    ["Tb\0\0", { status: QMAIL_STATUS.envelope }],
    ["Fa\0Xb\0\0", { status: QMAIL_STATUS.envelope }],
    [`F${"a".repeat(1003)}\0\0`, { status: QMAIL_STATUS.addressTooLong }],
    ["F\0Tb\0\0", { sender: "", recipients: ["b"] }],
    ["F#@[]\0Tb\0\0", { sender: "", recipients: ["b"] }],
    ["Flist-@list.test-@[]\0Tb\0\0", { sender: "list-@list.test", recipients: ["b"] }],
    ["Fa\0\0", { sender: "a", recipients: [] }],
  ];
  for (const [text, expected] of rows) {
    assert.deepEqual(readEnvelope(octets(text)), expected, text.slice(0, 20));
  }
});

Deno.test("any octets give an envelope or a status", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
    const read = readEnvelope(any);
    assert.ok("status" in read || read.recipients.every((each) => !each.includes("\0")));
  }));
});
