import assert from "node:assert/strict";
import fc from "fast-check";
import { walkHeader } from "./header_walk.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

const cases: {
  name: string;
  input: string;
  end: number;
  received?: number;
  own?: string[];
  lf?: boolean;
}[] = [
  { name: "an empty message", input: "", end: 0 },
  { name: "a header and a body", input: "A: b\r\n\r\nReceived: x\r\n", end: 6 },
  { name: "no body", input: "A: b\r\n c\r\n", end: 10 },
  { name: "LF line ends", input: "A: b\n\nc", end: 5, lf: true },
  { name: "a body without an empty line", input: "A: b\r\nno field\r\n\r\n", end: 6 },
  {
    name: "Received fields, in any case, folded, with a blank before the colon",
    input: "Received: a\r\n\tb\r\nRECEIVED : c\r\nReceived-SPF: d\r\n\r\n",
    end: 48,
    received: 2,
  },
  {
    name: "own fields with their folds",
    input: "X-Postern-A: b\r\n\tc\r\nA: b\r\nx-postern-: d\r\n\r\n",
    end: 41,
    own: ["X-Postern-A: b\r\n\tc\r\n", "x-postern-: d\r\n"],
  },
  { name: "an own field at the end", input: "X-POSTERN-A: b", end: 14, own: ["X-POSTERN-A: b"] },
  { name: "a body line that looks like a field", input: "\r\nX-Postern-A: b\r\n", end: 0 },
];
for (const { name, input, end, received, own, lf } of cases) {
  Deno.test(`walkHeader() ${name}`, { permissions: "none" }, () => {
    const walk = walkHeader(octets(input));
    assert.equal(walk.layout.headerEnd, end);
    assert.equal(walk.received, received ?? 0);
    assert.equal(walk.layout.lineEnd, lf ? "\n" : "\r\n");
    assert.deepEqual(
      walk.layout.ownFields.map((range) => input.slice(range.start, range.end)),
      own ?? [],
    );
  });
}

Deno.test("walkHeader() stays inside any octets", { permissions: "none" }, () => {
  const piece = fc.constantFrom(
    "X-Postern-A",
    ":",
    " ",
    "\r\n",
    "\n",
    "\r",
    "a",
    "\t",
    "Received",
    "\0",
    "\xff",
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    const message = octets(pieces.join(""));
    const { layout } = walkHeader(message);
    assert.ok(layout.headerEnd <= message.length);
    let at = 0;
    for (const { start, end } of layout.ownFields) {
      assert.ok(at <= start && start < end && end <= layout.headerEnd);
      at = end;
    }
  }));
});
