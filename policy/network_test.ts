import assert from "node:assert/strict";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { NetworkTable } from "./decide/network_table.ts";
import { formatNetwork, ipWords, parseNetwork, readIp } from "./network.ts";

const addresses: { text: string; want: [0 | 4 | 6, ...number[]] }[] = [
  { text: "192.0.2.1", want: [4, 0xc0000201, 0, 0, 0] },
  { text: "255.255.255.255", want: [4, 0xffffffff, 0, 0, 0] },
  { text: "0.0.0.0", want: [4, 0, 0, 0, 0] },
  { text: "192.0.2", want: [0] },
  { text: "192.0.2.1.1", want: [0] },
  { text: "192.0.2.256", want: [0] },
  { text: "192.0.2.01", want: [0] },
  { text: "192.0.2.", want: [0] },
  { text: "", want: [0] },
  { text: "::", want: [6, 0, 0, 0, 0] },
  { text: "::1", want: [6, 0, 0, 0, 1] },
  { text: "2001:db8::1", want: [6, 0x20010db8, 0, 0, 1] },
  { text: "2001:DB8:0:0:1::", want: [6, 0x20010db8, 0, 0x00010000, 0] },
  { text: "1:2:3:4:5:6:7:8", want: [6, 0x10002, 0x30004, 0x50006, 0x70008] },
  { text: "::ffff:192.0.2.1", want: [4, 0xc0000201, 0, 0, 0] },
  { text: "::ffff:c000:201", want: [4, 0xc0000201, 0, 0, 0] },
  { text: "64:ff9b::192.0.2.1", want: [6, 0x64ff9b, 0, 0, 0xc0000201] },
  { text: "fe80::1%eth0", want: [6, 0xfe800000, 0, 0, 1] },
  { text: "1:2:3:4:5:6:7", want: [0] },
  { text: "1:2:3:4:5:6:7:8:9", want: [0] },
  { text: "1::2::3", want: [0] },
  { text: ":1", want: [0] },
  { text: "1:", want: [0] },
  { text: ":::", want: [0] },
  { text: "12345::", want: [0] },
  { text: "1:2:3:4:5:6:7:1.2.3.4", want: [0] },
  { text: "g::", want: [0] },
];

for (const { text, want } of addresses) {
  Deno.test(`readIp() of ${JSON.stringify(text)}`, { permissions: "none" }, () => {
    const family = readIp(text);
    assert.deepEqual(family === 0 ? [0] : [family, ...ipWords], want);
  });
}

Deno.test("readIp() reads what ipaddr.js reads, as it does", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
    // RFC 4291, section 2.5.5.1: an IPv6 address, which ipaddr.js takes for a mapped one.
    fc.pre(!/^::\d+\.\d/.test(text));
    const other = ipaddr.process(text);
    const octets = other.toByteArray();
    const family = readIp(text);
    assert.equal(family, other.kind() === "ipv4" ? 4 : 6);
    const words = [0, 1, 2, 3].map((w) =>
      octets.slice(4 * w, 4 * w + 4).reduce((word, octet) => word * 256 + octet, 0)
    );
    assert.deepEqual([...ipWords], words);
  }));
});

Deno.test("readIp() of any text neither throws nor reads half", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abf:.%") }), (text) => {
    if (readIp(text) !== 0 && !text.includes("%")) assert(ipaddr.isValid(text), text);
  }));
});

const networks: { text: string; want: string | undefined }[] = [
  { text: "192.0.2.0/24", want: "192.0.2.0/24" },
  { text: "192.0.2.1", want: "192.0.2.1" },
  { text: "0.0.0.0/0", want: "0.0.0.0/0" },
  { text: "2001:db8::/32", want: "2001:db8:0:0:0:0:0:0/32" },
  { text: "::ffff:192.0.2.0/120", want: "192.0.2.0/24" },
  { text: "192.0.2.1/24", want: undefined },
  { text: "192.0.2.0/33", want: undefined },
  { text: "192.0.2.0/", want: undefined },
  { text: "192.0.2.0/024", want: undefined },
  { text: "2001:db8::1/64", want: undefined },
  { text: "fe80::%eth0/64", want: undefined },
];

for (const { text, want } of networks) {
  Deno.test(`parseNetwork() of ${text}`, { permissions: "none" }, () => {
    const network = parseNetwork(text);
    assert.equal(network && formatNetwork(network), want);
    if (want !== undefined) assert.deepEqual(parseNetwork(want), network);
  });
}

Deno.test("NetworkTable finds every network around an address, the narrowest first", {
  permissions: "none",
}, () => {
  const v4 = fc.tuple(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 })).map(
    ([address, bits]) => {
      const kept = bits === 0 ? 0 : (address & (-1 << (32 - bits))) >>> 0;
      return `${[24, 16, 8, 0].map((shift) => (kept >>> shift) & 255).join(".")}/${bits}`;
    },
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(v4, { maxLength: 40 }),
      fc.array(fc.nat(0xffffffff)),
      (keys, addresses) => {
        const table = new NetworkTable(keys);
        const inside = keys.map((key) => parseNetwork(key)!);
        for (const address of [...addresses, ...inside.map(({ words }) => words[0])]) {
          const text = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
          assert.equal(readIp(text), 4);
          const found: number[] = [];
          for (let place = table.find(4); place >= 0; place = table.around(4, place)) {
            found.push(table.value(4, place));
          }
          const want = keys.map((_, number) => number).filter((number) => {
            const [base, bits] = ipaddr.parseCIDR(keys[number]!);
            return ipaddr.parse(text).match(base, bits);
          }).sort((a, b) => inside[b]!.bits - inside[a]!.bits);
          assert.deepEqual(found, want);
        }
      },
    ),
  );
});
