import assert from "node:assert/strict";
import fc from "fast-check";
import { readSpoolFile } from "./spool_file.ts";

const octets = (text: string) => new TextEncoder().encode(text);

Deno.test("a spool file is its envelope and its message", () => {
  const whole = octets(
    "external\nrcvdfrom client.test ([192.0.2.7]:1234)\nfrom <a@S.test>\nto <b@h.test>\nto c@h.test\nenv-end\nSubject: x\n",
  );
  assert.deepEqual(readSpoolFile(whole), {
    envelope: {
      sender: "a@s.test",
      recipients: ["b@h.test", "c@h.test"],
      client: "192.0.2.7",
      clientName: "client.test",
    },
    message: octets("Subject: x\n"),
  });
  const end = new TextDecoder().decode(whole).indexOf("Subject");
  for (let at = 0; at < end; at++) assert.equal(readSpoolFile(whole.subarray(0, at)), undefined);
});

Deno.test("any octets are read or are none", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => {
    const file = readSpoolFile(any);
    assert.ok(file === undefined || file.message.length <= any.length);
  }));
});
