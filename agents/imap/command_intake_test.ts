import assert from "node:assert/strict";
import fc from "fast-check";
import { FakePorts } from "../smtp/testing/fake_ports.ts";
import { Reservation } from "../session_books.ts";
import type { WireStream } from "../stream.ts";
import { CommandIntake } from "./command_intake.ts";
import { commandRow } from "./command_table.ts";
import { FragmentInput } from "./fragment_input.ts";
import { latin1, octetsOf } from "./pieces.ts";

/** What a client's octets are taken for, one line a command: `tag NAME args`, literals as `<...>`; refusals as they are said. */
async function take(
  text: string,
  cuts: readonly number[] = [],
  loggedIn = true,
): Promise<string[]> {
  const octets = octetsOf(text);
  const at = [0, ...cuts.map((cut) => cut % (octets.length + 1)), octets.length].sort((a, b) =>
    a - b
  );
  const chunks = at.slice(1).map((end, i) => octets.subarray(at[i]!, end)).filter((each) =>
    each.length
  );
  const stream = {
    read(buffer: Uint8Array) {
      const chunk = chunks.shift();
      if (!chunk) return Promise.resolve(null);
      buffer.set(chunk);
      return Promise.resolve(chunk.length);
    },
  };
  const ports = new FakePorts();
  const reservation = new Reservation(ports);
  const input = new FragmentInput(stream as unknown as WireStream, {
    maxLine: 1000,
    from: "client",
  });
  const intake = new CommandIntake(input, {
    loggedIn,
    messageSize: 50,
    check: (name) => {
      const row = commandRow(name);
      return row.treatment === "refuse" ? "refused" : row;
    },
    goAhead: () => Promise.resolve(),
    received: () => {},
  }, reservation);
  const out: string[] = [];
  for (let command = await intake.next(); command; command = await intake.next()) {
    if ("status" in command) {
      out.push(`${command.tag} ${command.status}${command.close ? " closed" : ""}`);
      if (command.close) break;
    } else {
      const args = command.args.map((each) =>
        typeof each === "string" ? each : `${each.binary ? "~" : ""}<${latin1(each.octets)}>`
      );
      for (const each of command.args) {
        if (typeof each === "string") assert.doesNotMatch(each, /[\r\n\0]/);
      }
      out.push(`${command.tag} ${command.name}${args.join("")}`);
    }
  }
  reservation.release();
  assert.equal(ports.held, 0);
  return out;
}

const cases: { name: string; input: string; want: string[]; before?: boolean }[] = [
  { name: "commands", input: "a NOOP\r\nb uid fetch 1 x\r\n", want: ["a NOOP", "b UID FETCH 1 x"] },
  {
    name: "literals",
    input: "a LOGIN {3}\r\nb\r\n {2+}\r\ncd\r\n",
    want: ["a LOGIN <b\r\n> <cd>"],
  },
  { name: "a literal8", input: "a APPEND x ~{3}\r\n\0\r\n\r\n", want: ["a APPEND x ~<\0\r\n>"] },
  { name: "an empty literal", input: "a LOGIN {0}\r\n x\r\n", want: ["a LOGIN <> x"] },
  { name: "a line without a tag", input: "NOOP\r\na NOOP\r\n", want: ["* BAD", "a NOOP"] },
  { name: "an empty line", input: "\r\na NOOP\r\n", want: ["* BAD", "a NOOP"] },
  { name: "a tag that is none", input: "a+ NOOP\r\n* NOOP\r\n", want: ["* BAD", "* BAD"] },
  { name: "a NUL and a CR", input: "a X\0\r\nb NOOP\r \r\n", want: ["a BAD", "b BAD"] },
  { name: "an open quote", input: 'a LOGIN "b\r\nc NOOP\r\n', want: ["a BAD", "c NOOP"] },
  { name: "a literal in quotes", input: 'a LOGIN "b {3}\r\nx LOGOUT\r\n', want: ["a BAD closed"] },
  {
    name: "what is refused, with its literal",
    input: "a URLFETCH {3+}\r\nb X\r\nc NOOP\r\n",
    want: ["a BAD", "c NOOP"],
  },
  {
    name: "what is refused, whose literal waits",
    input: "a REPLACE {3}\r\nc NOOP\r\n",
    want: ["a BAD", "c NOOP"],
  },
  {
    name: "a message that is too large",
    input: `a APPEND x {51+}\r\n${"y".repeat(51)}\r\nb NOOP\r\n`,
    want: ["a NO", "b NOOP"],
  },
  {
    name: "messages that are too large together",
    input: `a APPEND x {30+}\r\n${"y".repeat(30)} {30}\r\nb NOOP\r\n`,
    want: ["a NO", "b NOOP"],
  },
  {
    name: "a literal that is far too large",
    input: "a APPEND x {9999999999+}\r\nb NOOP\r\n",
    want: ["a NO closed"],
  },
  {
    name: "a literal before the login",
    before: true,
    input: `a APPEND x {9000}\r\nb NOOP\r\n`,
    want: ["a BAD", "b NOOP"],
  },
];
for (const { name, input, want, before } of cases) {
  Deno.test(
    `CommandIntake takes ${name}, cut at every octet`,
    { permissions: "none" },
    async () => {
      for (let cut = 0; cut <= input.length; cut++) {
        assert.deepEqual(await take(input, [cut], !before), want);
      }
    },
  );
}

Deno.test(
  "CommandIntake takes the same however what comes is cut",
  { permissions: "none" },
  async () => {
    const piece = fc.constantFrom(
      "a NOOP",
      "b APPEND x ",
      "c SEARCH ",
      "d URLFETCH ",
      "\r\n",
      "\n",
      "\r",
      "{3}\r\nxyz",
      "{2+}\r\n\r\n",
      "~{1}\r\n\0",
      "{60+}\r\n",
      '"',
      " ",
      "(",
      "x".repeat(30),
    );
    const texts = fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join(""));
    await fc.assert(
      fc.asyncProperty(texts, fc.array(fc.nat(200), { maxLength: 10 }), async (text, cuts) => {
        assert.deepEqual(await take(text, cuts), await take(text));
      }),
      { numRuns: 1500 },
    );
  },
);
