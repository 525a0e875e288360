import assert from "node:assert/strict";
import fc from "fast-check";
import { inTime } from "../../tests/in_time.ts";
import { forwardLines, mergeFacts, parseAttributes, XFORWARD_ATTRIBUTES } from "./client_facts.ts";
import { DeliveredMemory } from "./delivered_memory.ts";
import { parseParameters, parsePath } from "./paths.ts";
import { policyReply } from "./replies.ts";
import { decodeXtext, encodeXtext } from "./xtext.ts";

Deno.test("encodeXtext() and decodeXtext() are inverse", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const encoded = encodeXtext(text);
    assert.match(encoded, /^[\x21-\x7e]*$/);
    assert.equal(decodeXtext(encoded), text);
  }));
  for (const bad of ["+", "+0", "+0a", "a b", "a=b", "é"]) {
    assert.equal(decodeXtext(bad), undefined);
  }
});

Deno.test("forwardLines() says what parseAttributes() reads, in lines of 512 octets at most", {
  permissions: "none",
}, () => {
  const facts = {
    address: "2001:db8::1",
    name: "x".repeat(255),
    helo: "y".repeat(250),
    protocol: "ESMTP",
    source: "REMOTE",
  } as const;
  const lines = forwardLines(facts, XFORWARD_ATTRIBUTES);
  assert.ok(lines.length > 1 && lines.every((line) => line.length <= 510));
  let got = {};
  for (const line of lines) {
    got = mergeFacts(got, parseAttributes(line.slice(9), XFORWARD_ATTRIBUTES)!);
  }
  assert.deepEqual(got, facts);
});

Deno.test("parsePath() and parseParameters() never fail but by their error, in time", {
  permissions: "none",
}, () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    "@",
    '"',
    "\\",
    ".",
    "a",
    "-",
    " ",
    ":",
    ",",
    "[",
    "]",
    "=",
    "é",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
    for (const parse of [parsePath, parseParameters]) {
      try {
        parse(pieces.join(""));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "smtp/bad-path");
      }
    }
  }));
  inTime(1000, () => {
    assert.throws(() => parsePath(`<a@${"a-".repeat(2000)}!>`));
    assert.throws(() => parsePath(`<@${"a,@".repeat(1500)}`));
    assert.throws(() => parsePath(`<"${"\\a".repeat(2000)}`));
  });
});

Deno.test("policyReply() keeps the code, class and one line", { permissions: "none" }, () => {
  const rows: [string | undefined, string, string][] = [
    [undefined, "554 5.7.1 No", "554 5.7.1 No"],
    ["550 5.7.9 Mine", "554 5.7.1 No", "550 5.7.9 Mine"],
    ["550 Mine", "554 5.7.1 No", "550 5.7.1 Mine"],
    ["250 2.0.0 Ok", "554 5.7.1 No", "554 5.7.1 No"],
    ["421 4.3.0 x", "451 4.7.1 Later", "451 4.7.1 Later"],
    ["550 5.7.1 a\r\n250 b", "554 5.7.1 No", "550 5.7.1 a 250 b"],
  ];
  for (const [reply, fallback, want] of rows) assert.equal(policyReply(reply, fallback), want);
});

Deno.test("DeliveredMemory knows who has a copy of just these octets, for a time", {
  permissions: "none",
}, async () => {
  let now = 0;
  const memory = new DeliveredMemory(() => now);
  const message = new Uint8Array([1, 2, 3]);
  assert.deepEqual(await memory.among(message, "a", ["b"]), new Set());
  await memory.add(message, "a", ["b"]);
  assert.deepEqual(await memory.among(message, "a", ["b", "c"]), new Set(["b"]));
  assert.deepEqual(await memory.among(message, "z", ["b"]), new Set());
  assert.deepEqual(await memory.among(new Uint8Array([1, 2]), "a", ["b"]), new Set());
  now = 6 * 24 * 3_600_000;
  assert.deepEqual(await memory.among(message, "a", ["b"]), new Set());
});
