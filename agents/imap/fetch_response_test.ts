import assert from "node:assert/strict";
import fc from "fast-check";
import { PosternError } from "../../errors.ts";
import { type Fragment, FragmentDecoder } from "./fragment_decoder.ts";
import { type FetchedItem, piecesToOctets, readFetch } from "./fetch_response.ts";
import { latin1, octetsOf } from "./pieces.ts";
import { mayAnnounce } from "./responses.ts";

/** What a response reads as: names with their values, `<...>` for literals that were streamed. */
async function read(text: string, cut = text.length): Promise<string[] | string> {
  const decoder = new FragmentDecoder({ maxLine: 10_000, from: "server", announces: mayAnnounce });
  const octets = octetsOf(text);
  const chunks = [octets.subarray(0, cut), octets.subarray(cut)];
  const next = (): Promise<Fragment | undefined> => {
    while (chunks.length > 0) {
      const { used, fragment } = decoder.take(chunks[0]!);
      chunks[0] = chunks[0]!.subarray(used);
      if (chunks[0].length === 0) chunks.shift();
      if (fragment?.kind === "text") {
        return Promise.resolve({ ...fragment, octets: fragment.octets.slice() });
      }
      if (fragment) return Promise.resolve(fragment);
    }
    return Promise.resolve(undefined);
  };
  const items: string[] = [];
  let streamed = "";
  try {
    const first = await next();
    if (first?.kind !== "text") return "cut";
    await readFetch({ next }, first, {
      literal: (item) => item.name === "BODY" ? "stream" : item.name === "X" ? "drop" : "hold",
      streamed: (part) => Promise.resolve(void (streamed += latin1(part))),
      item: ({ written, value }: FetchedItem) => {
        const name = latin1(piecesToOctets(written));
        items.push(value ? `${name} ${latin1(piecesToOctets(value))}` : `${name} <${streamed}>`);
        streamed = "";
      },
      end: () => void items.push("end"),
    });
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return error.code;
  }
  return items;
}

const cases: { name: string; input: string; want: string[] | string }[] = [
  {
    name: "flags",
    input: "* 1 FETCH (FLAGS (\\Seen a) UID 7)\r\n",
    want: ["FLAGS (\\Seen a)", "UID 7", "end"],
  },
  {
    name: "a literal",
    input: "* 1 FETCH (BODY[] {5}\r\n)\r\n*  UID 7)\r\n",
    want: ["BODY[] <)\r\n* >", "UID 7", "end"],
  },
  {
    name: "a response within a subject",
    input: "* 1 FETCH (ENVELOPE (NIL {17}\r\n* 2 FETCH (UID 9) NIL) UID 7)\r\n",
    want: ["ENVELOPE (NIL {17}\r\n* 2 FETCH (UID 9) NIL)", "UID 7", "end"],
  },
  {
    name: "header fields",
    input: '* 1 FETCH (BODY[HEADER.FIELDS ("a]b" {3}\r\nx y)]<0> "v" UID 7)\r\n',
    want: ['BODY[HEADER.FIELDS ("a]b" {3}\r\nx y)]<0> "v"', "UID 7", "end"],
  },
  {
    name: "a dropped literal",
    input: "* 1 FETCH (X {2}\r\nab FLAGS ())\r\n",
    want: ["X <>", "FLAGS ()", "end"],
  },
  {
    name: "a held literal8",
    input: "* 1 FETCH (Y ~{2}\r\na\0)\r\n",
    want: ["Y ~{2}\r\na\0", "end"],
  },
  { name: "an empty one", input: "* 1 FETCH ()\r\n", want: ["end"] },
  { name: "NIL", input: "* 1 FETCH (BODY[9] NIL)\r\n", want: ["BODY[9] NIL", "end"] },
  {
    name: "quotes",
    input: '* 1 FETCH (PREVIEW "a \\") {3}")\r\n',
    want: ['PREVIEW "a \\") {3}"', "end"],
  },
  { name: "an open list", input: "* 1 FETCH (FLAGS (a)\r\n", want: "wire/bad-frame" },
  { name: "what follows its end", input: "* 1 FETCH (UID 7) x\r\n", want: "wire/bad-frame" },
  {
    name: "a literal behind its end",
    input: "* 1 FETCH (UID 7) {3}\r\nabc\r\n",
    want: "wire/bad-frame",
  },
  { name: "an end within a literal", input: "* 1 FETCH (BODY[] {50}\r\nabc", want: "wire/closed" },
];
for (const { name, input, want } of cases) {
  Deno.test(`readFetch() reads ${name}, cut at every octet`, { permissions: "none" }, async () => {
    for (let cut = 0; cut <= input.length; cut++) assert.deepEqual(await read(input, cut), want);
  });
}

Deno.test(
  "readFetch() gives back what it read, or refuses it",
  { permissions: "none" },
  async () => {
    const atom = fc.constantFrom(
      "FLAGS",
      "UID",
      "BODY",
      "X",
      "7",
      "NIL",
      '"q\\"("',
      "{3}\r\na)b",
      "()",
      "(a (b) {1}\r\nz)",
      "[",
      "]",
      "(",
      ")",
      '"',
      "BODY[1]",
      "BODY[HEADER.FIELDS (a)]<1>",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(atom, { maxLength: 12 }), async (atoms) => {
        const inner = atoms.join(" ");
        const items = await read(`* 1 FETCH (${inner})\r\n`);
        if (typeof items === "string" || items.some((each) => each.includes("<"))) return;
        assert.equal(items.slice(0, -1).join(" "), inner);
      }),
      { numRuns: 3000 },
    );
  },
);
