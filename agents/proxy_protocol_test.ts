import assert from "node:assert/strict";
import fc from "fast-check";
import { parseV1, parseV2, type ProxiedConnection, readProxyHeader } from "./proxy_protocol.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const octets = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A stream that gives at most so many octets at a time, and counts them. */
function source(all: Uint8Array, step = 1000) {
  let at = 0;
  return {
    get used() {
      return at;
    },
    read(into: Uint8Array): Promise<number | null> {
      if (at === all.length) return Promise.resolve(null);
      const piece = all.subarray(at, at + Math.min(step, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

const v2 = (command: number, family: number, body: string, length = body.length) =>
  octets(
    SIGNATURE + String.fromCharCode(command, family, length >> 8, length & 255) + body,
  );

const FOUR: ProxiedConnection = {
  source: { address: "192.0.2.7", port: 50_000 },
  destination: { address: "198.51.100.1", port: 25 },
};
const FOUR_BODY = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc3\x50\x00\x19";
const SIX_BODY = `${"\x20\x01\x0d\xb8"}${"\0".repeat(11)}\x07${
  "\0".repeat(15)
}\x01\xc3\x50\x00\x19`;

Deno.test("headers say who connected to what", async () => {
  const rows: [string, Uint8Array, ProxiedConnection][] = [
    ["v1, IPv4", octets("PROXY TCP4 192.0.2.7 198.51.100.1 50000 25\r\n"), FOUR],
    ["v1, IPv6", octets("PROXY TCP6 2001:db8::7 ::1 50000 25\r\n"), {
      source: { address: "2001:db8::7", port: 50_000 },
      destination: { address: "::1", port: 25 },
    }],
    [
      "v1, IPv4 in IPv6",
      octets("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 50000 25\r\n"),
      FOUR,
    ],
    ["v1, unknown", octets("PROXY UNKNOWN\r\n"), {}],
    ["v1, unknown with words", octets("PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n"), {}],
    ["v2, IPv4", v2(0x21, 0x11, FOUR_BODY), FOUR],
    ["v2, IPv6", v2(0x21, 0x21, SIX_BODY), {
      source: { address: "2001:db8::7", port: 50_000 },
      destination: { address: "::1", port: 25 },
    }],
    ["v2 with extensions", v2(0x21, 0x11, `${FOUR_BODY}\x03\x00\x04abcd`), FOUR],
    ["v2, local", v2(0x20, 0x00, ""), {}],
    ["v2, local with addresses", v2(0x20, 0x11, FOUR_BODY), {}],
    ["v2, unspecified", v2(0x21, 0x00, ""), {}],
  ];
  for (const [name, header, wanted] of rows) {
    const all = new Uint8Array([...header, ...octets("EHLO there\r\n")]);
    for (const step of [1, 7, 1000]) {
      const stream = source(all, step);
      assert.deepEqual(await readProxyHeader(stream), wanted, name);
      assert.equal(stream.used, header.length, `${name}: octets of the client were taken`);
    }
    for (let end = 0; end < header.length; end++) {
      await assert.rejects(readProxyHeader(source(header.subarray(0, end))), {
        code: "wire/closed",
      }, name);
    }
  }
});

Deno.test("what is no header is refused", async () => {
  const rows: [string, Uint8Array][] = [
    ["a client", octets(`EHLO there\r\n${"x".repeat(200)}`)],
    ["no end in 107 octets", octets(`PROXY UNKNOWN ${"x".repeat(200)}`)],
    ["two blanks", octets("PROXY  TCP4 192.0.2.7 198.51.100.1 50000 25\r\n")],
    ["a port with a zero in front", octets("PROXY TCP4 192.0.2.7 198.51.100.1 050 25\r\n")],
    ["a port too large", octets("PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n")],
    ["an address with zeros in front", octets("PROXY TCP4 192.0.02.7 198.51.100.1 50 25\r\n")],
    ["an IPv6 address as IPv4", octets("PROXY TCP4 ::1 ::1 50000 25\r\n")],
    ["a name", octets("PROXY TCP4 localhost 198.51.100.1 50000 25\r\n")],
    ["no such family", octets("PROXY UDP4 192.0.2.7 198.51.100.1 50000 25\r\n")],
    ["a word too many", octets("PROXY TCP4 192.0.2.7 198.51.100.1 50000 25 x\r\n")],
    ["an LF alone", octets(`PROXY TCP4 192.0.2.7 198.51.100.1 50000 25\n${"x".repeat(100)}`)],
    ["v2 of another version", v2(0x11, 0x11, FOUR_BODY)],
    ["v2 with another command", v2(0x22, 0x11, FOUR_BODY)],
    ["v2 over UDP", v2(0x21, 0x12, FOUR_BODY)],
    ["v2 shorter than its addresses", v2(0x21, 0x11, FOUR_BODY.slice(0, 11))],
  ];
  for (const [name, all] of rows) {
    await assert.rejects(readProxyHeader(source(all)), { code: "wire/bad-frame" }, name);
  }
});

Deno.test("any octets are a header, or refused", async () => {
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ maxLength: 150 }),
    fc.constantFrom("", "PROXY ", "PROXY TCP4 ", SIGNATURE, `${SIGNATURE}\x21\x11`),
    async (tail, start) => {
      const all = new Uint8Array([...octets(start), ...tail]);
      const header = await readProxyHeader(source(all)).catch((error) => {
        assert.match(error.code, /^wire\/(?:bad-frame|closed)$/);
        return {} as ProxiedConnection;
      });
      for (const end of [header.source, header.destination]) {
        if (end) assert.ok(end.port >= 0 && end.port <= 65_535 && end.address !== "");
      }
    },
  ));
});

Deno.test("parsers alone say the same", () => {
  assert.deepEqual(parseV1("PROXY TCP4 192.0.2.7 198.51.100.1 50000 25\r\n"), FOUR);
  assert.deepEqual(parseV2(1, 0x11, octets(FOUR_BODY)), FOUR);
});
