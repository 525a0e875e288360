import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { PosternError } from "../../errors.ts";
import { CommandDecoder } from "./command_decoder.ts";
import { isSessionCommand, parseCommand } from "./command.ts";
import { MAX_COMMAND_OCTETS } from "./limits.ts";

/** What comes of octets in pieces: events as text, pieces of one object joined; the code of the failure at the end. */
function events(chunks: readonly Uint8Array[], maxStream = 1000): string[] {
  const decoder = new CommandDecoder(maxStream);
  const seen: string[] = [];
  const said = (text: string) => seen.push(text);
  try {
    for (const chunk of chunks) {
      let input = chunk;
      while (input.length > 0) {
        const { used, event } = decoder.take(input);
        input = input.subarray(used);
        if (!event) continue;
        if (event.kind === "command") {
          const line = Buffer.from(event.line).toString("latin1");
          said(`${event.form}:${line}`);
          if (line === "INSTREAM") decoder.beginStream();
        } else if (event.kind !== "piece") said(event.kind);
        else {
          const text = Buffer.from(event.octets).toString("latin1");
          if (seen.at(-1)?.startsWith("=")) seen.push(seen.pop() + text);
          else said(`=${text}`);
        }
        if (event.kind === "tooLong") return seen;
      }
    }
    const last = decoder.end();
    if (last?.kind === "command") said(`end:${Buffer.from(last.line).toString("latin1")}`);
  } catch (error) {
    said((error as PosternError).code);
  }
  return seen;
}

function chunk(text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(text.length);
  return Buffer.concat([head, Buffer.from(text, "latin1")]);
}

const END = Buffer.alloc(4);
const CASES: readonly { name: string; input: Uint8Array; want: readonly string[] }[] = [
  { name: "ends an n command at LF", input: Buffer.from("nPING\n"), want: ["n:PING"] },
  { name: "ends a z command at NUL", input: Buffer.from("zSCAN /a\nb\0"), want: ["z:SCAN /a\nb"] },
  { name: "keeps the old form's CR", input: Buffer.from("PING\r\n"), want: ["old:PING\r"] },
  {
    name: "needs no line end of the old form at the end",
    input: Buffer.from("PING"),
    want: ["end:PING"],
  },
  { name: "drops a command of the new form without its end", input: Buffer.from("nPI"), want: [] },
  {
    name: "takes an object by its lengths, whatever is in it",
    input: Buffer.concat([
      Buffer.from("zINSTREAM\0"),
      chunk("zPING\0"),
      chunk("\0\0\0\0"),
      END,
      Buffer.from("zEND\0"),
    ]),
    want: ["z:INSTREAM", "=zPING\0\0\0\0\0", "streamEnd", "z:END"],
  },
  {
    name: "takes an object of no octets",
    input: Buffer.concat([Buffer.from("nINSTREAM\n"), END]),
    want: ["n:INSTREAM", "streamEnd"],
  },
  {
    name: "takes exactly the limit",
    input: Buffer.concat([
      Buffer.from("nINSTREAM\n"),
      chunk("x".repeat(600)),
      chunk("x".repeat(400)),
      END,
    ]),
    want: ["n:INSTREAM", `=${"x".repeat(1000)}`, "streamEnd"],
  },
  {
    name: "refuses one octet more before it comes",
    input: Buffer.concat([
      Buffer.from("nINSTREAM\n"),
      chunk("x".repeat(600)),
      chunk("x".repeat(401)).subarray(0, 4),
    ]),
    want: ["n:INSTREAM", `=${"x".repeat(600)}`, "tooLong"],
  },
  {
    name: "refuses a chunk of four gigabytes at its length",
    input: Buffer.concat([Buffer.from("nINSTREAM\n"), Buffer.alloc(4, 255)]),
    want: ["n:INSTREAM", "tooLong"],
  },
];

for (const { name, input, want } of CASES) {
  Deno.test(`CommandDecoder ${name}`, { permissions: "none" }, () => {
    for (let cut = 0; cut <= input.length; cut++) {
      assert.deepEqual(
        events([input.subarray(0, cut), input.subarray(cut)]),
        want,
        `cut at ${cut}`,
      );
    }
  });
}

Deno.test(
  "CommandDecoder refuses a command past the limit and stays so",
  { permissions: "none" },
  () => {
    const longest = Buffer.from(`n${"A".repeat(MAX_COMMAND_OCTETS)}\n`);
    assert.deepEqual(events([longest]).length, 1);
    const decoder = new CommandDecoder(1);
    const over = Buffer.from(`n${"A".repeat(MAX_COMMAND_OCTETS + 1)}`);
    decoder.take(over); // the prefix
    assert.throws(() => decoder.take(over.subarray(1)), { code: "wire/too-long" });
    assert.throws(() => decoder.take(Buffer.from("nPING\n")), { code: "wire/too-long" });
  },
);

Deno.test(
  "CommandDecoder gives the same events however a stream is cut",
  { permissions: "none" },
  () => {
    const command = fc.constantFrom("nPING\n", "zSCAN /x\0", "VERSION\n", "nEND\n");
    const object = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 5 }).map(
      (pieces) =>
        Buffer.concat([
          Buffer.from("nINSTREAM\n"),
          ...pieces.map((piece) => chunk(Buffer.from(piece).toString("latin1"))),
          END,
        ]),
    );
    const sent = fc.array(fc.oneof(command.map((each) => Buffer.from(each)), object), {
      maxLength: 8,
    });
    fc.assert(fc.property(sent, fc.array(fc.nat(2000)), (parts, cuts) => {
      const stream = Buffer.concat(parts);
      const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, stream.length))])]
        .sort((a, b) => a - b);
      const chunks = places.map((at, i) => stream.subarray(at, places[i + 1]));
      assert.deepEqual(events(chunks, 10_000), events([stream], 10_000));
    }));
  },
);

Deno.test(
  "CommandDecoder never breaks on garbage but by its own errors",
  { permissions: "none" },
  () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (octets, cut) => {
      const whole = events([octets]);
      assert.deepEqual(events([octets.subarray(0, cut), octets.subarray(cut)]), whole);
    }));
  },
);

const COMMANDS: readonly [line: string, old: boolean, want: unknown][] = [
  ["PING", false, { name: "PING" }],
  ["PING\r", true, { name: "PING" }],
  ["PING x", false, undefined],
  ["ping", false, undefined],
  ["", false, undefined],
  ["SCAN /a b", false, { name: "SCAN", path: "/a b" }],
  ["SCAN /a b", true, { name: "SCAN", path: "/a b" }],
  ["SCAN", false, undefined],
  ["SCAN ", false, { name: "SCAN", path: "" }],
  ["ALLMATCHSCAN /a", false, { name: "ALLMATCHSCAN", path: "/a" }],
  ["INSTREAM", false, { name: "INSTREAM" }],
  ["INSTREAM", true, undefined],
  ["STATS", true, undefined],
  ["VERSIONCOMMANDS", true, undefined],
  ["IDSESSION", true, undefined],
  ["STREAM", false, undefined],
  ["toString", false, undefined],
];
for (const [line, old, want] of COMMANDS) {
  Deno.test(`parseCommand ${JSON.stringify(line)}${old ? " of the old form" : ""}`, {
    permissions: "none",
  }, () => {
    assert.deepEqual(parseCommand(line, old), want);
  });
}

Deno.test(
  "isSessionCommand knows what clamd takes within IDSESSION",
  { permissions: "none" },
  () => {
    const known = ["PING", "VERSION", "STATS", "INSTREAM", "FILDES", "END"].map((name) =>
      parseCommand(name, false)!
    );
    assert.ok([...known, parseCommand("SCAN /a", false)!].every(isSessionCommand));
    const refused = ["CONTSCAN /a", "MULTISCAN /a", "ALLMATCHSCAN /a", "IDSESSION", "RELOAD"];
    assert.ok(refused.every((line) => !isSessionCommand(parseCommand(line, false)!)));
  },
);
