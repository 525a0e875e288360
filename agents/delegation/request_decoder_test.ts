import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_LINE_OCTETS, MAX_LINES } from "./limits.ts";
import { RequestDecoder } from "./request_decoder.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const REQUEST = "request=smtpd_access_policy\nsender=a=b@s.test\nrecipient=\n\n";

Deno.test("a request is the same wherever it is cut", () => {
  const whole = octets(REQUEST + REQUEST);
  const wanted = [
    ["request", "smtpd_access_policy"],
    ["sender", "a=b@s.test"],
    ["recipient", ""],
  ];
  for (let cut = 0; cut <= whole.length; cut++) {
    const decoder = new RequestDecoder();
    const requests = [
      ...decoder.take(whole.subarray(0, cut)),
      ...decoder.take(whole.subarray(cut)),
    ];
    assert.deepEqual(requests.map((each) => [...each]), [wanted, wanted], `cut at ${cut}`);
    assert.equal(decoder.partial, false);
  }
});

Deno.test("what has no end or no name is refused, and stays refused", () => {
  const rows: [string, string][] = [
    ["x".repeat(MAX_LINE_OCTETS + 1), "wire/too-long"],
    [`a=${"x".repeat(MAX_LINE_OCTETS)}\n`, "wire/too-long"],
    ["a=b\n".repeat(MAX_LINES + 1), "wire/too-long"],
    ["=b\n", "wire/bad-frame"],
    ["EHLO there\n", "wire/bad-frame"],
  ];
  for (const [text, code] of rows) {
    const decoder = new RequestDecoder();
    assert.throws(() => decoder.take(octets(text)), { code }, text.slice(0, 20));
    assert.throws(() => decoder.take(octets(REQUEST)), { code });
  }
});

Deno.test("any octets give requests or are refused, and are not kept for ever", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (chunks) => {
    const decoder = new RequestDecoder();
    try {
      for (const chunk of chunks) {
        for (const request of decoder.take(chunk)) assert.ok(request.size > 0);
      }
    } catch (error) {
      assert.match((error as { code: string }).code, /^wire\//);
    }
  }));
});
