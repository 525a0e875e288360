import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { modifications } from "./modifications.ts";
import {
  ACCEPT,
  addHeader,
  changeHeader,
  CONTINUE,
  deleteRecipient,
  DISCARD,
  insertHeader,
  PROGRESS,
  replaceBody,
  replyCode,
  SKIP,
} from "./packets.ts";

const show = (octets: Uint8Array) => Buffer.from(octets).toString("latin1");

Deno.test("attack 18: replies without data have none behind them", { permissions: "none" }, () => {
  for (
    const [octets, command] of [[CONTINUE, "c"], [ACCEPT, "a"], [DISCARD, "d"], [PROGRESS, "p"], [
      SKIP,
      "s",
    ]] as const
  ) {
    assert.equal(show(octets), `\0\0\0\x01${command}`);
  }
});

Deno.test("attack 22: % is doubled, a line end or another code in a reply is refused", {
  permissions: "none",
}, () => {
  assert.equal(show(replyCode("550 5.7.1 100% %s")), "\0\0\0\x15y550 5.7.1 100%% %%s\0");
  for (
    const reply of [
      "550 5.7.1 a\r\n250 b",
      "550 a\nb",
      "550 a\rb",
      "550 a\0b",
      "550-a\r\n551 b",
      "250 2.0.0 ok",
      "55 x",
      "550",
      "550 umläut",
      "",
    ]
  ) {
    assert.throws(() => replyCode(reply), { code: "wire/bad-frame" }, reply);
  }
});

Deno.test("attack 24: no CR and no NUL leaves in a field, and no name that is none", {
  permissions: "none",
}, () => {
  assert.equal(show(insertHeader(0, "X-A", " b\n c")), "\0\0\0\x0fi\0\0\0\0X-A\0 b\n c\0");
  assert.equal(show(changeHeader(2, "X-A", "")), "\0\0\0\x0am\0\0\0\x02X-A\0\0");
  assert.equal(show(addHeader("X-A", "b")), "\0\0\0\x07hX-A\0b\0");
  for (const make of [(n: string, v: string) => insertHeader(0, n, v), addHeader]) {
    for (
      const [name, value] of [["X", "a\r\n b"], ["X", "a\0b"], ["X:", "a"], ["X\nY", "a"], [
        "",
        "a",
      ]] as const
    ) {
      assert.throws(() => make(name, value), { code: "wire/bad-frame" });
    }
  }
});

Deno.test(
  "replaceBody() cuts a body into chunks that every MTA takes",
  { permissions: "none" },
  () => {
    for (
      const [octets, chunks] of [[0, 1], [1, 1], [65_535, 1], [65_536, 2], [200_000, 4]] as const
    ) {
      const packets = replaceBody(new Uint8Array(octets));
      assert.equal(packets.length, chunks);
      assert.equal(packets.reduce((sum, each) => sum + each.length - 5, 0), octets);
    }
  },
);

Deno.test("deleteRecipient() names it octet by octet", { permissions: "none" }, () => {
  assert.equal(
    show(deleteRecipient(Buffer.from("<A\xff@B.test>", "latin1"))),
    "\0\0\0\x0d-<A\xff@B.test>\0",
  );
});

const ALL = { version: 6, actions: 0x11f, protocol: 0x100000 };
const octets = (text: string) => Buffer.from(text, "latin1");

Deno.test("attack 19, 20: a new body is whole, in CRLF, and apart from all other changes", {
  permissions: "none",
}, () => {
  const before = octets("A: 1\r\nB: 2\r\n\r\nold\r\n");
  const after = [
    octets("X-Postern-Status: cleaned\r\nA: 1\r\n"),
    octets("B: 3\r\n\r\nnew\nlines\r\n"),
  ];
  const { header, body, lacking } = modifications(ALL, before, 2, after);
  assert.deepEqual(header.map((each) => show(each).slice(4)), [
    "m\0\0\0\x01B\0 3\0",
    "i\0\0\0\0X-Postern-Status\0 cleaned\0",
  ]);
  assert.deepEqual(body.map((each) => show(each).slice(4)), ["bnew\r\nlines\r\n"]);
  assert.deepEqual(lacking, []);
});

Deno.test(
  "modifications() touches nothing where only the header changed",
  { permissions: "none" },
  () => {
    const before = octets("A: 1\r\n\r\nbare\nLF and \r CR");
    const { header, body } = modifications(ALL, before, 1, [
      octets("X-Postern-Status: clean\r\n"),
      before,
    ]);
    assert.deepEqual([header.length, body.length], [1, 0]);
    assert.deepEqual(modifications(ALL, before, 1, [before]).header, []);
  },
);

const lacking: { name: string; actions?: number; fields?: number; after: string; want: RegExp }[] =
  [
    { name: "no body may be changed", actions: 0x11, after: "A: 1\r\n\r\nnew", want: /body/ },
    {
      name: "no field may be changed",
      actions: 0x3,
      after: "A: 2\r\n\r\nold",
      want: /change header/,
    },
    {
      name: "no field may be added",
      actions: 0x12,
      after: "A: 1\r\nB: 1\r\n\r\nold",
      want: /add header/,
    },
    { name: "the MTA counts other fields", fields: 2, after: "A: 2\r\n\r\nold", want: /apart/ },
    { name: "a value is too long", after: `A: ${"x".repeat(70_000)}\r\n\r\nold`, want: /"A"/ },
  ];
for (const { name, actions = 0x1f, fields = 1, after, want } of lacking) {
  Deno.test(
    `modifications() says what cannot be done where ${name}`,
    { permissions: "none" },
    () => {
      const before = octets("A: 1\r\n\r\nold");
      const made = modifications({ ...ALL, actions }, before, fields, [octets(after)]);
      assert.match(made.lacking.join(), want);
      assert.deepEqual([...made.header, ...made.body], []);
    },
  );
}
