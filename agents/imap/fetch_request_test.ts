import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isInSet,
  namedMessages,
  parseFetch,
  requestClass,
  writeFetch,
  writeSets,
} from "./fetch_request.ts";
import { octetsOf, type Piece } from "./pieces.ts";
import { itemClass, parseItem, writeItem } from "./sections.ts";
import { ArgumentReader } from "./pieces.ts";

const parse = (text: string, uid = false) => parseFetch([text], uid);

const read: { name: string; input: string; want: string; kind: string }[] = [
  { name: "a word", input: " 1 FLAGS", want: "FETCH 1 (UID FLAGS)", kind: "plain" },
  {
    name: "ALL",
    input: " 1:* all",
    want: "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    kind: "overview",
  },
  {
    name: "a part of a part",
    input: " 2,4 (UID body.peek[1.2]<0.2048>)",
    want: "FETCH 2,4 (UID BODY.PEEK[1.2]<0.2048>)",
    kind: "content",
  },
  {
    name: "header fields",
    input: ' 1 BODY[HEADER.FIELDS (From "To")]',
    want: "FETCH 1 (UID BODY[HEADER.FIELDS (From To)])",
    kind: "overview",
  },
  {
    name: "the header of a part",
    input: " 1 BODY[2.HEADER]",
    want: "FETCH 1 (UID BODY[2.HEADER])",
    kind: "content",
  },
  {
    name: "a preview",
    input: " 1 (PREVIEW (LAZY))",
    want: "FETCH 1 (UID PREVIEW (LAZY))",
    kind: "content",
  },
  {
    name: "binary",
    input: " 1 BINARY.PEEK[1]<5.10>",
    want: "FETCH 1 (UID BINARY.PEEK[1]<5.10>)",
    kind: "content",
  },
  {
    name: "what is not known",
    input: " 1 X-WHOLE",
    want: "FETCH 1 (UID X-WHOLE)",
    kind: "content",
  },
  {
    name: "modifiers",
    input: " $ (FLAGS) (CHANGEDSINCE 12 VANISHED)",
    want: "FETCH $ (UID FLAGS) (CHANGEDSINCE 12 VANISHED)",
    kind: "plain",
  },
];
for (const { name, input, want, kind } of read) {
  Deno.test(`parseFetch() reads ${name}`, { permissions: "none" }, () => {
    const request = parse(input);
    assert.equal(writeFetch(request, request.set, true), want);
    assert.equal(requestClass(request), kind);
  });
}

const refused = [
  "",
  " 1",
  " 1 ",
  " 0x FLAGS",
  " 1 ()",
  " 1 (FLAGS",
  " 1 (FLAGS)x",
  " 1 (FLAGS) (PARTIAL 1:10)",
  " 1 BODY[",
  " 1 BODY[]<",
  " 1 BODY[0]",
  " 1 BODY[1.]",
  " 1 BODY[MIME]",
  " 1 BODY[X]",
  " 1 BODY.PEEK",
  " 1 RFC822[]",
  " 1 BODY[HEADER.FIELDS ()]",
  " 1 BODY[HEADER.FIELDS (a]",
  " 1 FLAGS UID",
  " 1  FLAGS",
  " 1,,2 FLAGS",
  " a FLAGS",
  ' "1" FLAGS',
];
for (const input of refused) {
  Deno.test(`parseFetch() refuses ${JSON.stringify(input)}`, { permissions: "none" }, () => {
    assert.throws(() => parse(input), { code: "wire/bad-frame" });
  });
}

Deno.test("parseFetch() reads header fields that are literals", { permissions: "none" }, () => {
  const pieces: Piece[] = [
    " 1 (BODY[HEADER.FIELDS (",
    { octets: octetsOf("Subject"), binary: false },
    " Date)])",
  ];
  const request = parseFetch(pieces, false);
  assert.equal(writeFetch(request, "1", false), "FETCH 1 (UID BODY[HEADER.FIELDS (Subject Date)])");
});

Deno.test("parseItem() reads what writeItem() writes", { permissions: "none" }, () => {
  const field = fc.stringMatching(/^[A-Za-z\-"\]\\]{1,10}$/);
  const section = fc.record({
    part: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 }),
  }, { noNullPrototype: true }).chain((base) =>
    fc.oneof(
      fc.constant(base),
      fc.constantFrom("HEADER", "TEXT", "MIME").map((text) => ({ ...base, text })),
      fc.array(field, { minLength: 1, maxLength: 4 }).map((fields) => ({
        ...base,
        text: "HEADER.FIELDS.NOT",
        fields,
      })),
    )
  );
  fc.assert(fc.property(section, fc.boolean(), fc.option(fc.nat()), (section, peek, origin) => {
    const item = {
      name: "BODY",
      ...(peek ? { peek } : {}),
      section: section as NonNullable<ReturnType<typeof parseItem>["section"]>,
      ...(origin === null ? {} : { origin, count: 10 }),
    };
    assert.deepEqual(parseItem(new ArgumentReader([writeItem(item)])), item);
    assert.equal(itemClass(item), "content");
  }));
});

Deno.test("writeSets() and namedMessages() undo each other", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 })), (numbers) => {
    const sets = [...writeSets(numbers, 20)];
    assert.ok(sets.every((set) => set.length <= 20));
    const back = sets.flatMap((set) => namedMessages(set, 1000)!);
    assert.deepEqual(back, [...numbers].sort((a, b) => a - b));
  }));
  assert.equal(namedMessages("1:*", 10), undefined);
  assert.equal(namedMessages("1:4000000000", 10), undefined);
  assert.deepEqual(namedMessages("3:1", 10), [1, 2, 3]);
});

Deno.test(
  "isInSet() counts `*` as the last message, on either side",
  { permissions: "none" },
  () => {
    const within = (set: string) => [1, 2, 3, 4, 5].filter((each) => isInSet(set, each, 5));
    assert.deepEqual(within("2"), [2]);
    assert.deepEqual(within("*"), [5]);
    assert.deepEqual(within("4:*"), [4, 5]);
    assert.deepEqual(within("*:4"), [4, 5]);
    assert.deepEqual(within("900:*"), [5]);
    assert.deepEqual(within("3:2,5"), [2, 3, 5]);
  },
);
