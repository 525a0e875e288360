import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32 as nodeCrc32 } from "node:zlib";
import { eicar, gtube, makeSample, SAMPLE_NAMES } from "./samples.ts";
import { stuffed } from "./submit.ts";
import { crc32, makeZip } from "./zip.ts";

const header = { from: "a@example.org", to: ["b@example.org"], token: "t1" };
const text = (octets: Uint8Array) => new TextDecoder().decode(octets);

Deno.test("the test strings are those of EICAR and SpamAssassin", { permissions: "none" }, () => {
  // By length and sum, so that neither stands in this file.
  assert.equal(eicar().length, 68);
  assert.equal(crc32(eicar()), 0x6851cf3c);
  assert.equal(gtube().length, 68);
  assert.match(gtube(), /^XJS\*C4JDBQADN1\..*-TEST-EMAIL\*C\.34X$/);
});

for (const name of SAMPLE_NAMES) {
  Deno.test(`makeSample() makes ${name} of CRLF lines, none over 998 octets`, {
    permissions: "none",
  }, () => {
    const mail = text(makeSample(name, header));
    assert.doesNotMatch(mail, /[^\r]\n|\r[^\n]/);
    for (const line of mail.split("\r\n")) assert.ok(line.length <= 998);
    assert.match(mail, /\r\nMessage-ID: <t1\.[a-z-]+@example\.org>\r\n/);
  });
}

Deno.test("crc32() is that of zlib", { permissions: "none" }, () => {
  for (const octets of [new Uint8Array(), eicar()]) {
    assert.equal(crc32(octets), nodeCrc32(Buffer.from(octets)));
  }
});

Deno.test("makeZip() stores what the headers say", { permissions: "none" }, () => {
  const zip = makeZip([{ name: "a", content: eicar() }, { name: "b", content: new Uint8Array(3) }]);
  const view = new DataView(zip.buffer);
  const end = zip.length - 22;
  assert.equal(view.getUint32(end, true), 0x06054b50);
  assert.equal(view.getUint16(end + 10, true), 2);
  assert.equal(view.getUint32(end + 12, true) + view.getUint32(end + 16, true), end);
  assert.equal(view.getUint32(view.getUint32(end + 16, true), true), 0x02014b50);
  assert.equal(view.getUint32(14, true), crc32(eicar()));
});

const dots: { name: string; message: string; want: string }[] = [
  { name: "ends a message", message: "a\r\n", want: "a\r\n.\r\n" },
  { name: "gives a last line its end", message: "a", want: "a\r\n.\r\n" },
  {
    name: "doubles a leading dot",
    message: ".\r\n..a\r\nb.\r\n",
    want: "..\r\n...a\r\nb.\r\n.\r\n",
  },
];
for (const { name, message, want } of dots) {
  Deno.test(`stuffed() ${name}`, { permissions: "none" }, () => {
    assert.equal(text(stuffed(new TextEncoder().encode(message))), want);
  });
}
