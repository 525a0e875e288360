import assert from "node:assert/strict";
import { differenceBesideHeaders } from "./headers.ts";

const octets = (text: string) => new TextEncoder().encode(text);
const SENT = "A: 1\r\nB: 2\r\n  fold\r\n\r\nbody\r\n";
const cases: { name: string; arrived: string; differs: RegExp | undefined }[] = [
  { name: "the same", arrived: SENT, differs: undefined },
  { name: "a field on top", arrived: `X-Postern-Status: clean\r\n${SENT}`, differs: undefined },
  {
    name: "a folded field between",
    arrived: SENT.replace("B:", "Received: x\r\n\ty\r\nB:"),
    differs: undefined,
  },
  { name: "an unknown field", arrived: `Evil: 1\r\n${SENT}`, differs: /Evil/ },
  {
    name: "a missing field",
    arrived: SENT.replace("A: 1\r\n", ""),
    differs: /missing: "A: 1|"B: 2/,
  },
  { name: "another fold", arrived: SENT.replace("  fold", " fold"), differs: /header field/ },
  {
    name: "another body",
    arrived: SENT.replace("body", "bodY"),
    differs: /body differs at octet 5/,
  },
  { name: "a lost line end", arrived: SENT.slice(0, -2), differs: /body differs/ },
];
for (const { name, arrived, differs } of cases) {
  Deno.test(`differenceBesideHeaders() sees ${name}`, { permissions: "none" }, () => {
    const got = differenceBesideHeaders(octets(SENT), octets(arrived), ["received", "x-postern-*"]);
    if (differs) assert.match(got ?? "", differs);
    else assert.equal(got, undefined);
  });
}
