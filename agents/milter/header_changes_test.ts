import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { headerChanges } from "./header_changes.ts";
import { type Field, partMessage } from "./header_fields.ts";

/** What an MTA does with them: by number within a name, before anything is added. */
function applied(before: readonly Field[], after: readonly Field[]): Field[] {
  const { changes, top, end } = headerChanges(before, after);
  let fields = [...before];
  for (const { index, name, value } of changes) {
    let seen = 0;
    const at = fields.findIndex((field) =>
      field.name.toLowerCase() === name.toLowerCase() && ++seen === index
    );
    assert.ok(at >= 0);
    fields = value === undefined
      ? fields.toSpliced(at, 1)
      : fields.with(at, { name: fields[at]!.name, value });
  }
  return [...top, ...fields, ...end];
}

const parse = (text: string): Field[] =>
  text.split(" ").filter(Boolean).map((each) => {
    const [name = "", value = ""] = each.split("=");
    return { name, value };
  });
const show = (fields: readonly Field[]) =>
  fields.map(({ name, value }) => `${name}=${value}`).join(" ");

const cases: { name: string; before: string; after: string; want?: string; count: number }[] = [
  { name: "nothing", before: "A=1 B=2", after: "A=1 B=2", count: 0 },
  { name: "a mark at the top", before: "A=1", after: "X-Postern-Status=clean A=1", count: 1 },
  {
    name: "two marks in their order",
    before: "A=1",
    after: "X-Postern-A=1 X-Postern-B=2 A=1",
    count: 2,
  },
  {
    name: "a subject in its place",
    before: "A=1 Subject=x B=2",
    after: "A=1 Subject=[x] B=2",
    count: 1,
  },
  {
    name: "the first of two subjects",
    before: "Subject=x A=1 Subject=y",
    after: "Subject=[x] A=1 Subject=y",
    count: 1,
  },
  { name: "a deleted field among equals", before: "R=1 R=2 R=3", after: "R=1 R=3", count: 1 },
  { name: "several deleted ones", before: "R=1 R=2 R=3 R=4", after: "R=3", count: 3 },
  {
    name: "names in any case",
    before: "subject=x A=1",
    after: "Subject=y A=1",
    want: "subject=y A=1",
    count: 1,
  },
  {
    name: "a forged mark that says the same",
    before: "A=1 x-postern-status=clean",
    after: "X-Postern-Status=clean A=1",
    count: 2,
  },
  { name: "all of it", before: "A=1 B=2", after: "C=3", count: 3 },
  { name: "a field at the end", before: "A=1", after: "A=1 B=2", count: 1 },
];
for (const { name, before, after, want, count } of cases) {
  Deno.test(`headerChanges() ${name}`, { permissions: "none" }, () => {
    const { changes, top, end } = headerChanges(parse(before), parse(after));
    assert.equal(show(applied(parse(before), parse(after))), want ?? after);
    assert.equal(changes.length + top.length + end.length, count);
  });
}

Deno.test(
  "headerChanges() makes of any header any other, but for places",
  { permissions: "none" },
  () => {
    const field = fc.record({
      name: fc.constantFrom("A", "B", "Received", "X-Postern-Status"),
      value: fc.constantFrom("1", "2", "3"),
    });
    const sorted = (fields: readonly Field[], name: string) =>
      show(
        fields.filter((each) => each.name === name).toSorted((a, b) => a.value < b.value ? -1 : 1),
      );
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 12 }),
        fc.array(field, { maxLength: 12 }),
        (before, after) => {
          const made = applied(before, after);
          for (const name of ["A", "B", "Received", "X-Postern-Status"]) {
            assert.equal(sorted(made, name), sorted(after, name));
          }
        },
      ),
    );
  },
);

Deno.test("headerChanges() takes time in proportion with thousands of one name", {
  permissions: "none",
}, () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ name: "R", value: String(i % 7) }));
  const others = many.map((field, i) => i % 3 ? field : { name: "R", value: "x" });
  assert.equal(show(applied(many.slice(0, 600), others.slice(0, 600))), show(others.slice(0, 600)));
  headerChanges(many, others);
});

const messages: { name: string; text: string; fields: string[]; body: string }[] = [
  {
    name: "a usual one",
    text: "A: 1\r\nB: 2\r\n\r\nbody\r\n",
    fields: ["A| 1", "B| 2"],
    body: "body\r\n",
  },
  { name: "folds", text: "A: 1\r\n 2\r\n\t3\r\n\r\n", fields: ["A| 1\n 2\n\t3"], body: "" },
  { name: "no body", text: "A: 1\r\n", fields: ["A| 1"], body: "" },
  { name: "no header", text: "\r\nbody", fields: [], body: "body" },
  { name: "nothing", text: "", fields: [], body: "" },
  {
    name: "a line that is no field",
    text: "A: 1\r\nno field\r\nB: 2",
    fields: ["A| 1"],
    body: "no field\r\nB: 2",
  },
  { name: "colons in a body only", text: "\r\n\r\nA: 1\r\n", fields: [], body: "\r\nA: 1\r\n" },
];
for (const { name, text, fields, body } of messages) {
  Deno.test(`partMessage() ${name}`, { permissions: "none" }, () => {
    const octets = Buffer.from(text, "latin1");
    const parted = partMessage(octets);
    assert.deepEqual(parted.fields.map((each) => `${each.name}|${each.value}`), fields);
    assert.equal(octets.subarray(parted.body).toString("latin1"), body);
  });
}
