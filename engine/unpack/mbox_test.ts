import assert from "node:assert/strict";
import { octets } from "../message/fixtures/testing.ts";
import { unmbox } from "./mbox.ts";
import { contentsOf, openAll } from "./testing/open.ts";

const FROM = "From a@b.test Thu Jan  1 00:00:00 2026\n";
const BEFORE = "Subject: 1\n\nhello\n\n";
const AFTER = "--b\n";

const rows: { name: string; file: string; text: string; want: string[] }[] = [
  {
    name: "at lines with a date",
    file: "inbox",
    text: FROM + BEFORE + FROM + AFTER,
    want: [BEFORE, AFTER],
  },
  {
    name: "at other lines, and not there",
    file: "inbox",
    text: `${FROM}${BEFORE}From here on\n${AFTER}${FROM}${AFTER}`,
    want: [BEFORE, AFTER, `${BEFORE}From here on\n${AFTER}`, AFTER],
  },
  {
    name: "and ends with a line that only some take for a separator",
    file: "inbox",
    text: `${FROM}${BEFORE}From here on`,
    want: [BEFORE, `${BEFORE}From here on`],
  },
  {
    name: "and gives it as a whole where its name is one message's",
    file: "offer.EML",
    text: FROM + BEFORE + FROM + AFTER,
    want: [BEFORE, AFTER, BEFORE + FROM + AFTER],
  },
];
for (const { name, file, text, want } of rows) {
  Deno.test(`unmbox() cuts ${name}`, { permissions: "none" }, () => {
    assert.deepEqual(
      contentsOf(openAll(unmbox, octets(text), { names: [file] })).map(([, content]) => content),
      want,
    );
  });
}

Deno.test("unmbox() gives no octet more than three times", { permissions: "none" }, () => {
  const text = `${FROM}${`${BEFORE}From here on\n${BEFORE}${FROM}`.repeat(500)}`;
  const { entries } = openAll(unmbox, octets(text), { names: ["a.eml"] });
  const total = entries.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  assert.ok(total <= 3 * text.length);
});
