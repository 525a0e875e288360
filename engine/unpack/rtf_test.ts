/** RTF as hostile writers make it and word processors open it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inTime } from "../../tests/in_time.ts";
import { concat } from "./octets.ts";
import { unrtf } from "./rtf.ts";
import { ascii, checkAnyOctets, numbers, openAll } from "./testing/open.ts";

const none = { permissions: "none" } as const;
const SECRET = "this is what the object holds, which is longer than its beginning";
const OBJECT = concat([
  numbers([0x501, 4], [2, 4], [5, 4]),
  ascii("Test\0"),
  numbers([0, 4], [0, 4], [SECRET.length, 4]),
  ascii(SECRET),
]);
const HEX = Buffer.from(OBJECT).toString("hex");
const BINARY = `\\bin${OBJECT.length} ${Buffer.from(OBJECT).toString("latin1")}`;

const rows: { name: string; data: string }[] = [
  { name: "hex", data: `{\\*\\objdata ${HEX}}` },
  { name: "a number behind the word", data: `{\\*\\objdata1 ${HEX}}` },
  { name: "binary data at the end", data: `{\\*\\objdata ${BINARY}}` },
  { name: "an object in an object", data: `{\\*\\objdata 4{\\object{\\*\\objdata ${HEX}}}}` },
  {
    name: "a group that is passed over",
    data: `{\\*\\objdata ${HEX.slice(0, 7)}{\\*\\other 1}${HEX.slice(7)}}`,
  },
  {
    name: "an escape that is passed over",
    data: `{\\*\\objdata ${HEX.slice(0, 7)}\\'4a${HEX.slice(7)}}`,
  },
  {
    name: "a group that is read",
    data: `{\\*\\objdata ${HEX.slice(0, 7)}{\\other ${HEX.slice(7, 20)}}${HEX.slice(20)}}`,
  },
];
for (const { name, data } of rows) {
  Deno.test(`unrtf() gives the object in ${name}`, none, () => {
    const octets = Uint8Array.from(Buffer.from(`{\\rtf1{\\object${data}}}`, "latin1"));
    const { entries, breaches } = openAll(unrtf, octets);
    const files = entries.filter(({ names }) => names[0] === "Test")
      .map(({ content }) => Buffer.from(content ?? []).toString());
    assert.ok(files.includes(SECRET), JSON.stringify(files));
    assert.deepEqual(breaches, []);
  });
}

const costly = ["\\objdata 0}", "{\\objdata 0", "\\objdata{\\*", "\\objdata\\'", "\\bin1 "];
for (const piece of costly) {
  Deno.test(`unrtf() takes little time for many of ${piece}`, none, () => {
    const octets = ascii(`{\\rtf1 ${piece.repeat(Math.ceil(4_000_000 / piece.length))}`);
    inTime(2000, () => openAll(unrtf, octets));
  });
}

Deno.test("unrtf() says where objects lie too often in objects", none, () => {
  const octets = ascii(`{\\rtf1 ${"{\\objdata 0".repeat(100_000)}`);
  assert.deepEqual(openAll(unrtf, octets).notes, ["malformed"]);
});

Deno.test("unrtf() never throws and stays within its output, whatever the octets", none, () => {
  checkAnyOctets(
    unrtf,
    rows.map(({ data }) => Uint8Array.from(Buffer.from(`{\\rtf1{\\object${data}}}`, "latin1"))),
  );
});
