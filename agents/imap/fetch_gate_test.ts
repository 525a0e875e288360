import assert from "node:assert/strict";
import fc from "fast-check";
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../stream.ts";
import { ChangedAnswer } from "./changed_answer.ts";
import { ChangedMessage } from "./changed_message.ts";
import { ClientOutput } from "./client_output.ts";
import { FetchGate, type GateView, isPlainHeader } from "./fetch_gate.ts";
import { parseFetch } from "./fetch_request.ts";
import { readFetch } from "./fetch_response.ts";
import { type Fragment, FragmentDecoder } from "./fragment_decoder.ts";
import { latin1, octetsOf } from "./pieces.ts";
import { mayAnnounce } from "./responses.ts";
import type { Shown } from "./verdict_cache.ts";

const KNOWN = new Map<number, Shown>([
  [1, "unchanged"],
  [2, new ChangedMessage(octetsOf("Subject: notice\r\n\r\nremoved\r\n"))],
]);

/** What a client gets of one response; `null` where the response is none. */
async function passed(
  response: string,
  request: string | undefined,
  options: { readonly overview?: boolean; readonly changed?: boolean } = {},
): Promise<string | null> {
  let written = "";
  const stream = {
    deadline: () => {},
    write: (octets: Uint8Array) => Promise.resolve(void (written += latin1(octets))),
  };
  const output = new ClientOutput(stream as unknown as WireStream);
  const view: GateView = {
    ...(request === undefined ? {} : { request: parseFetch([request], false) }),
    known: (uid) => KNOWN.get(uid),
    overview: options.overview ?? false,
    heldBack: () => {},
    room: (octets) => Promise.resolve(octets < 100),
  };
  const decoder = new FragmentDecoder({ maxLine: 10_000, from: "server", announces: mayAnnounce });
  let octets = octetsOf(response);
  const next = (): Promise<Fragment | undefined> => {
    while (octets.length > 0) {
      const { used, fragment } = decoder.take(octets);
      octets = octets.subarray(used);
      if (fragment) return Promise.resolve(fragment);
    }
    return Promise.resolve(undefined);
  };
  try {
    const first = await next();
    if (first?.kind !== "text") return null;
    const handler = options.changed
      ? new ChangedAnswer(output, view, 7)
      : new FetchGate(output, view, 7);
    await readFetch({ next }, first, handler);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return null;
  }
  await output.flush();
  return written;
}

const cases: {
  name: string;
  response: string;
  request?: string;
  overview?: boolean;
  changed?: boolean;
  want: string;
}[] = [
  {
    name: "content of a clean message",
    response: "* 7 FETCH (UID 1 FLAGS () BODY[] {3}\r\nabc)",
    request: " 7 (FLAGS BODY[])",
    want: "* 7 FETCH (FLAGS () BODY[] {3}\r\nabc)\r\n",
  },
  {
    name: "its UID where it was asked for",
    response: "* 7 FETCH (BODY[] {3}\r\nabc UID 1)",
    request: " 7 (UID BODY[])",
    want: "* 7 FETCH (BODY[] {3}\r\nabc UID 1)\r\n",
  },
  {
    name: "of a changed message what it was changed to",
    response: "* 7 FETCH (UID 2 BODY[TEXT]<2> {3}\r\nabc RFC822.SIZE 999)",
    request: " 7 (BODY[TEXT]<2.4> RFC822.SIZE)",
    want: "* 7 FETCH (BODY[TEXT]<2> {4}\r\nmove RFC822.SIZE 28)\r\n",
  },
  {
    name: "nothing of one that is not known but what lists show",
    response: '* 7 FETCH (UID 3 FLAGS (a) RFC822.SIZE 9 BODY[1] "x" X-NEW "y")',
    request: " 7 (FLAGS RFC822.SIZE BODY[1])",
    overview: true,
    want: "* 7 FETCH (FLAGS (a) RFC822.SIZE 9)\r\n",
  },
  {
    name: "not even that where lists are scanned for",
    response: "* 7 FETCH (UID 3 RFC822.SIZE 9)",
    request: " 7 (RFC822.SIZE)",
    want: "",
  },
  {
    name: "flags that nobody asked for, with their UID",
    response: "* 7 FETCH (UID 3 MODSEQ (12) FLAGS (\\Seen))",
    request: " 1 (BODY[])",
    want: "* 7 FETCH (UID 3 MODSEQ (12) FLAGS (\\Seen))\r\n",
  },
  {
    name: "no content that nobody asked for, of a clean message either",
    response: '* 7 FETCH (UID 1 BODY[] "x" FLAGS (a))',
    want: "* 7 FETCH (UID 1 FLAGS (a))\r\n",
  },
  {
    name: "for a changed message all items, and none of the marker",
    response: "* 7 FETCH (UID 2 FLAGS (\\Seen) BODY[HEADER.FIELDS (SUBJECT)] {5}\r\nabcde)",
    request: " 7 (FLAGS BODY[1] RFC822.SIZE)",
    changed: true,
    want: "* 7 FETCH (FLAGS (\\Seen) BODY[1] {9}\r\nremoved\r\n RFC822.SIZE 28)\r\n",
  },
  {
    name: "for a changed message flags that come by themselves",
    response: "* 7 FETCH (UID 2 FLAGS (\\Seen))",
    request: " 7 (BODY[1])",
    changed: true,
    want: "* 7 FETCH (UID 2 FLAGS (\\Seen))\r\n",
  },
];
for (const { name, response, request, want, ...options } of cases) {
  Deno.test(`FetchGate passes ${name}`, { permissions: "none" }, async () => {
    assert.equal(await passed(`${response}\r\n`, request, options), want);
  });
}

Deno.test("FetchGate passes content of clean messages alone, whatever a server says", {
  permissions: "none",
}, async () => {
  const secret = "INFECTED";
  const value = fc.constantFrom(
    `"${secret}"`,
    `{${secret.length}}\r\n${secret}`,
    `~{${secret.length}}\r\n${secret}`,
    `(("a" "${secret}"))`,
    `(${secret})`,
    `{200}\r\n${secret.repeat(25)}`,
  );
  const name = fc.constantFrom(
    "BODY[]",
    "BODY[]<0>",
    "BODY[1]",
    "BODY[TEXT]",
    "BODY[1.MIME]",
    "BODY[2.HEADER]",
    "body[1.2]<5>",
    "BINARY[1]",
    "BINARY.SIZE[1]",
    "RFC822",
    "RFC822.TEXT",
    "PREVIEW",
    "SNIPPET",
    "X-BODY",
    "BODYSTRUCTUREX",
    "FLAGSX",
  );
  const item = fc.oneof(
    fc.tuple(name, value).map((pair) => pair.join(" ")),
    fc.constantFrom("FLAGS (a)", "UID 1", "UID 2", "UID 3", "UID x", "UID 0", "RFC822.SIZE 5"),
  );
  const request = fc.constantFrom(undefined, " 7 (BODY[] BODY[1])", " 7 (RFC822.SIZE)", " 7 ALL");
  const responses = fc.array(item, { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      responses,
      request,
      fc.boolean(),
      fc.boolean(),
      async (items, asked, overview, changed) => {
        const got = await passed(`* 7 FETCH (${items.join(" ")})\r\n`, asked, {
          overview,
          changed,
        });
        const uids = items.filter((each) => /^UID [12]$/.test(each));
        if (got?.includes(secret)) {
          assert.ok(uids.includes("UID 1") && asked !== undefined && !changed);
        }
        if (uids.length === 1 && uids[0] === "UID 2") assert.ok(!got?.includes(secret));
      },
    ),
    { numRuns: 5000 },
  );
});

for (
  const [header, plain] of [
    ["Subject: x\r\nTo: a\r\n b\r\n\r\n", true],
    ["X-a_b@c :\r\n\r\n", true],
    ["\r\n", true],
    ["Subject: x\n\n", true],
    ["Subject: x\r\n", false],
    ["Subject: x\r\nno field\r\n\r\n", false],
    ["Subject: x\r\n--b\r\nTo: y\r\n\r\n", false],
    [" folded\r\n\r\n", false],
    ["Subject: x\r\n\r\nbody\r\n\r\n", false],
    ["", false],
    ["From a@b Fri\r\nSubject: x\r\n\r\n", false],
  ] as const
) {
  Deno.test(`isPlainHeader() of ${JSON.stringify(header)}`, { permissions: "none" }, () => {
    assert.equal(isPlainHeader(octetsOf(header)), plain);
  });
}
