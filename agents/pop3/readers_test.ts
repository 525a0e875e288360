/** What reads octets of others: tables cut at every octet, and what holds for all of them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { WireStream } from "../stream.ts";
import { withCrlf } from "../line_ends.ts";
import { offeredCapabilities, parseCapabilities } from "./capabilities.ts";
import { octetsOf, parseCommand, parseNumber } from "./command.ts";
import { topOf } from "./maildrop.ts";
import { ResponseReader } from "./response_reader.ts";
import { isPassedOn, SaslExchange } from "../sasl.ts";
import { Pop3Harness } from "./testing/harness.ts";

/** A stream that gives these pieces, then ends. */
function streamOf(pieces: readonly string[]): WireStream {
  const left = pieces.filter((piece) => piece !== "").map(octetsOf);
  return {
    remoteAddress: "",
    remotePort: 0,
    read(buffer) {
      const piece = left.shift();
      if (!piece) return Promise.resolve(null);
      buffer.set(piece.subarray(0, buffer.length));
      if (piece.length > buffer.length) left.unshift(piece.subarray(buffer.length));
      return Promise.resolve(Math.min(piece.length, buffer.length));
    },
    write: () => Promise.resolve(),
    deadline() {},
    end: () => Promise.resolve(),
    close() {},
  };
}

const latin1 = (octets: Uint8Array) => String.fromCharCode(...octets);
const granted = () => Promise.resolve(true);

Deno.test("a server's answers are read alike however they are cut", async () => {
  const text =
    "+OK 2 messages\r\n1 120\r\n..2 200\r\n.\r\n+OK\r\nA: b\r\n\r\n..x\r\n.\r\n-ERR no\r\n+ abc\r\n";
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new ResponseReader(streamOf([text.slice(0, cut), text.slice(cut)]));
    assert.deepEqual(await reader.status(), { kind: "ok", text: "2 messages" });
    const lines: string[] = [];
    for (let line = await reader.listed(); line !== undefined; line = await reader.listed()) {
      lines.push(line);
    }
    assert.deepEqual(lines, ["1 120", ".2 200"]);
    assert.equal((await reader.status()).kind, "ok");
    const message = await reader.message(1000, granted, () => {});
    assert.equal(latin1(message!), "A: b\r\n\r\n.x\r\n", `cut at ${cut}`);
    assert.deepEqual(await reader.status(), { kind: "err", text: "no" });
    assert.deepEqual(await reader.status(), { kind: "continue", text: "abc" });
    reader.end();
  }
});

Deno.test("a server that ends, says something else, or too much, is an error with a code", async () => {
  const long = "x".repeat(20_000);
  for (
    const [text, code] of [
      ["", "wire/closed"],
      ["+OK half", "wire/closed"],
      ["250 ok\r\n", "mailbox/protocol"],
      ["\r\n", "mailbox/protocol"],
      ["+OKAY\r\n", "mailbox/protocol"],
      ["+OK a\n", "wire/bare-line-end"],
      ["+OK a\rb\r\n", "wire/bare-line-end"],
      [`+OK ${long}\r\n`, "wire/too-long"],
    ] as const
  ) {
    await assert.rejects(
      new ResponseReader(streamOf([text])).status(),
      { code },
      text.slice(0, 20),
    );
  }
  const behind = new ResponseReader(streamOf(["+OK\r\n+OK\r\n"]));
  await behind.status();
  assert.throws(() => behind.end(), { code: "mailbox/protocol" });
});

Deno.test("messages come through dot stuffing whatever is in them and however they are cut", async () => {
  const alphabet = fc.constantFrom(".", "\r\n", "a", "\r", "\0", "\xff");
  await fc.assert(
    fc.asyncProperty(fc.array(alphabet), fc.array(fc.nat({ max: 60 })), async (parts, cuts) => {
      const lines = parts.join("");
      const whole = lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
      const wire = `${whole.replace(/(^|\r\n)\./g, "$1..")}.\r\n`;
      const at = [
        0,
        ...cuts.map((cut) => Math.min(cut, wire.length)).sort((a, b) => a - b),
        wire.length,
      ];
      const pieces = at.slice(1).map((end, i) => wire.slice(at[i]!, end));
      const message = await new ResponseReader(streamOf(pieces)).message(1000, granted, () => {});
      assert.equal(latin1(message!), whole);
    }),
  );
});

Deno.test("TOP shows a begin of the message that ends with a line, and no more lines than were asked", () => {
  const alphabet = fc.constantFrom("\r\n", "a: b", "x", "\r", ".");
  fc.assert(fc.property(fc.array(alphabet), fc.nat({ max: 6 }), (parts, lines) => {
    const message = octetsOf(`${parts.join("")}\r\n`);
    const top = latin1(topOf(message, lines));
    const whole = latin1(message);
    assert.ok(whole.startsWith(top) && top.endsWith("\r\n"));
    const all = whole.split("\r\n").slice(0, -1);
    const empty = all.indexOf("");
    const shown = empty === -1 ? all : all.slice(0, empty + 1 + lines);
    assert.equal(top, shown.map((line) => `${line}\r\n`).join(""));
  }));
});

Deno.test("withCrlf() leaves no LF alone, and changes nothing else", () => {
  const alphabet = fc.constantFrom("\r", "\n", "a");
  fc.assert(fc.property(fc.array(alphabet), (parts) => {
    const text = parts.join("");
    const out = latin1(withCrlf(octetsOf(text)));
    assert.ok(!/(?<!\r)\n/.test(out));
    assert.equal(out, text.replace(/(?<!\r)\n/g, "\r\n"));
  }));
});

Deno.test("commands: keyword in upper case, all behind the first blank as it is", () => {
  assert.deepEqual(parseCommand(octetsOf("pass two  words ")), {
    keyword: "PASS",
    argument: "two  words ",
  });
  assert.deepEqual(parseCommand(octetsOf("")), { keyword: "", argument: "" });
  const numbers: [string, number | undefined][] = [
    ["1", 1],
    ["0", 0],
    ["007", 7],
    ["-1", undefined],
    ["1.5", undefined],
    ["1 2", undefined],
    ["", undefined],
    ["12345678901", undefined],
    ["１", undefined],
  ];
  for (const [text, number] of numbers) assert.equal(parseNumber(text), number, text);
});

Deno.test("capabilities: what nobody can see through is not shown, whatever a server says", () => {
  fc.assert(fc.property(fc.array(fc.string()), (lines) => {
    const offered = offeredCapabilities({
      server: parseCapabilities([...lines, "SASL GSSAPI PLAIN", "XTND", "COMPRESS DEFLATE"]),
      stls: false,
      login: true,
      sasl: true,
    });
    assert.ok(!offered.some((line) => /GSSAPI|XTND|COMPRESS|STLS|\r|\n/.test(line)));
    assert.ok(offered.includes("PIPELINING"));
  }));
});

Deno.test("an exchange takes anything, and names a user or none", () => {
  const mechanism = fc.constantFrom(
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-256",
    "XOAUTH2",
    "OAUTHBEARER",
  );
  fc.assert(
    fc.property(mechanism, fc.array(fc.oneof(fc.base64String(), fc.string())), (name, texts) => {
      assert.ok(isPassedOn(name));
      const exchange = new SaslExchange(name);
      for (const text of texts) exchange.response(text);
      assert.ok(exchange.user === undefined || exchange.user !== "");
      assert.equal(exchange.steps, texts.length);
    }),
  );
  assert.ok(!isPassedOn("constructor") && !isPassedOn("GSSAPI") && !isPassedOn(""));
});

Deno.test("whatever lines a client sends, each gets an answer and the message is not had without a login", async () => {
  await using h = await Pop3Harness.start({
    server: { messages: ["From: a@b.example\r\n\r\nsecret text\r\n"] },
  });
  const word = fc.constantFrom(
    "RETR",
    "TOP",
    "AUTH",
    "USER",
    "LIST",
    "UIDL",
    "STLS",
    "1",
    "0",
    "*",
    "=",
    "x",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(word, { minLength: 1 }), { maxLength: 8 }),
      async (lines) => {
        const client = await h.connect();
        for (const words of lines) {
          const answer = await client.ask(words.join(" "));
          if (answer === "") break; // too many
          assert.match(answer, /^(?:\+OK|-ERR|\+ )/);
          assert.ok(!answer.includes("secret"));
        }
        client.close();
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("whatever a server answers, the client gets answers or the end, and no fault is ours", async () => {
  const piece = fc.constantFrom(
    "+OK",
    "-ERR",
    "+ ",
    " ",
    "1 20",
    "\r\n",
    "\r\n.\r\n",
    ".",
    "\n",
    "\0",
    "x",
    "A: b\r\n",
  );
  const answers = fc.array(fc.array(piece), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(answers, async (script) => {
      const left = script.map((each) => each.join(""));
      await using h = await Pop3Harness.start({
        config: { serverTls: "none", limits: { serverTime: "1s" } },
        // What does not end is cut off, so that nobody waits for the time-out.
        server: {
          answer: (line) => /^(?:USER|PASS)/.test(line) ? "+OK\r\n" : left.shift() || null,
        },
      });
      const client = await h.login();
      await client.write("STAT\r\nLIST\r\nTOP 1 1\r\nRETR 1\r\nUIDL 1\r\nCAPA\r\nQUIT\r\n");
      for (let line = await client.line(); line !== ""; line = await client.line()) {
        if (line.startsWith("-ERR [SYS/TEMP]")) break;
      }
      assert.doesNotMatch(h.ports.logged.join("\n"), /A session failed/);
      client.close();
    }),
    { numRuns: 15 },
  );
});
