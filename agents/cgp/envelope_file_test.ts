import assert from "node:assert/strict";
import fc from "fast-check";
import { readMessageFile } from "./envelope_file.ts";

const octets = (text: string) => new TextEncoder().encode(text);

Deno.test("an envelope of any number of recipients ends at the empty line", () => {
  for (const end of ["\n", "\r\n"]) {
    const text = [
      "S <user@here.test> SMTP [2001:db8::7]",
      "A here.test [127.0.0.1]",
      "O L",
      "P I 01-03-2026 10:00:00 0000 ____ _FY_ <a@Sender.TEST>",
      ...Array.from(
        { length: 9 },
        (_, i) => `R W 01-03-2026 10:00:00 0000 ____ _FY_ <r${i}@h.test>`,
      ),
      "",
      "Subject: x",
      "",
      "P I is text here <no@sender.test>",
    ].join(end);
    const file = readMessageFile(octets(text));
    assert.deepEqual(file?.envelope, {
      sender: "a@sender.test",
      recipients: Array.from({ length: 9 }, (_, i) => `r${i}@h.test`),
      client: "2001:db8::7",
      user: "user@here.test",
    });
    assert.ok(new TextDecoder().decode(file?.message).startsWith("Subject: x"));
  }
});

Deno.test("a file that ends in its envelope is none, wherever it is cut", () => {
  const whole = octets("P I 1 <a@s.test>\nR W 1 <b@h.test>\n\nx");
  for (let end = 0; end < whole.length - 1; end++) {
    assert.equal(readMessageFile(whole.subarray(0, end)), undefined);
  }
  assert.deepEqual(readMessageFile(whole)?.message, octets("x"));
});

Deno.test("any octets are read or are none", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => {
    const file = readMessageFile(any);
    assert.ok(file === undefined || file.message.length <= any.length);
  }));
});
