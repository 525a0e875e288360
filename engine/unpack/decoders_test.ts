import assert from "node:assert/strict";
import { unar, uncpio, unrpm } from "./archives.ts";
import { unbzip2 } from "./bzip2.ts";
import { uncab } from "./cab.ts";
import { uncompress } from "./compress.ts";
import { unactivemime } from "./gzip.ts";
import { unlz4 } from "./lz4.ts";
import { unsevenzip } from "./sevenzip.ts";
import { unszdd } from "./szdd.ts";
import { checkAnyOctets, corpusFiles, openAll } from "./testing/open.ts";
import type { Unpacker } from "./unpacker.ts";
import { unlzip, unlzma, unxz } from "./xz.ts";

/** What every sample holds. */
const TEXT = `${"Ein Text, der sich wiederholt. ".repeat(30)}und dann nicht mehr: ${
  Array.from({ length: 400 }, (_, i) => String.fromCharCode(33 + (i * i * 7) % 90)).join("")
}${"a".repeat(300)}`;

/** Made with xz, its LZMA alone form, lz4 and bzip2. */
const SAMPLES: readonly { name: string; unpacker: Unpacker; packed: string }[] = [
  {
    name: "xz",
    unpacker: unxz,
    packed:
      "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AZyAJ9dACKaScICNgROLtYZyBZNriPecioFShn2+sivdsm2XOUqz4Gi+wvh9N24c1AI600PyRUGAhAj3Adj1kSEu1xU+wE8y1oOa1gbKaI2qbhXoOpbRVZpuOWAnkxTCR3CKCiRsxfS217GKm+GqrIP0dUB6TTnxVK9fhvuN3X33/pKO+CijiQlAM2V8UhiZAUI0Fo34rvDWwWTL45EQn6fPTKwAAAAO0Xsi3zLs8gAAbsB8wwAAPZe8ROxxGf7AgAAAAAEWVo=",
  },
  {
    name: "lzma",
    unpacker: unlzma,
    packed:
      "XQAAgAD//////////wAimknCAjYETi7WGcgWTa4j3nIqBUoZ9vrIr3bJtlzlKs+BovsL4fTduHNQCOtND8kVBgIQI9wHY9ZEhLtcVPsBPMtaDmtYGymiNqm4V6DqW0VWabjlgJ5MUwkdwigokbMX0ttexipvhqqyD9HVAek058VSvX4b7jd199/6Sjvgoo4kJQDNlfFIYmQFCNBaN+K7w1sFky+OREJ+n2Je7///8IoAAA==",
  },
  {
    name: "lz4",
    unpacker: unlz4,
    packed:
      "BCJNGGRAp6gAAAD/EEVpbiBUZXh0LCBkZXIgc2ljaCB3aWVkZXJob2x0LiAfAP///3P/YHVuZCBkYW5uIG5pY2h0IG1laHI6ICEoPWA3dmlqeTxnRjMuN05zTDMoKzxbLmlYVWB5RiFkW2BzOmlMPTxJZDNqVU5VajNkSTw9TGk6c2BbZCFGeWBVWGkuWzwrKDNMc043LjNGZzx5aml2N2A9KFoA/yQfYQEA/xRQYWFhYWEAAAAAsYtFTg==",
  },
  {
    name: "lz4's old frames",
    unpacker: unlz4,
    packed:
      "AiFMGKgAAAD/EEVpbiBUZXh0LCBkZXIgc2ljaCB3aWVkZXJob2x0LiAfAP///3P/YHVuZCBkYW5uIG5pY2h0IG1laHI6ICEoPWA3dmlqeTxnRjMuN05zTDMoKzxbLmlYVWB5RiFkW2BzOmlMPTxJZDNqVU5VajNkSTw9TGk6c2BbZCFGeWBVWGkuWzwrKDNMc043LjNGZzx5aml2N2A9KFoA/yQfYQEA/xRQYWFhYWE=",
  },
  {
    name: "bzip2",
    unpacker: unbzip2,
    packed:
      "QlpoOTFBWSZTWWaujeMAALqfgOBtCJYDJQZIbvef4AAIMAE2EDADJpoMhghpiNGBNVUIYTTI09TRo0yDQNAqVUaH6Rij9Qn6psp6mjQZAz5Ue0N2eHLJ8w6eEM2is1bF3VrWutUabi6O8km4pHsaRwjCKlxyPAzOyOh6xbnGBgehYtHV+x8ms2xY2xxziSkUixmeJcVisYncajkZReknAqe8ZGyKF8ZGMUMYvKmJ5RrjSf1/W2YtIcMtbq76wWAcoZYfeihyhxrsX1DjDNj3VwrkvNbYd/9D4X3DjXnW2vSvBfsPHHDR/ZN/5DCGLFD3XwsKwrLDq5w5wyaa+VjhohsXWt9b61f4u5IpwoSDNXRvGA==",
  },
];

function open(unpacker: Unpacker, octets: Uint8Array, maxOctets = 1e6) {
  return openAll(unpacker, octets, { limits: { octets: maxOctets }, names: ["a.tar.xz"] });
}

const octetsOf = (packed: string) => Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
const decode = (octets: Uint8Array | undefined) => new TextDecoder("latin1").decode(octets);

for (const { name, unpacker, packed } of SAMPLES) {
  const octets = octetsOf(packed);

  Deno.test(`${unpacker.name}() gives what was packed as ${name}`, () => {
    const { entries, notes, breaches } = open(unpacker, octets);
    assert.deepEqual(entries.map((entry) => decode(entry.content)), [TEXT]);
    assert.deepEqual([notes, breaches], [[], []]);
  });

  Deno.test(`${unpacker.name}() takes the exact limit of octets and not one more`, () => {
    assert.deepEqual(open(unpacker, octets, TEXT.length).breaches, []);
    const { entries, breaches } = open(unpacker, octets, TEXT.length - 1);
    assert.deepEqual(breaches, ["octets"]);
    assert.equal(decode(entries[0]?.content), TEXT.slice(0, -1));
  });

  Deno.test(`${unpacker.name}() cut at any octet gives a beginning`, () => {
    for (let cut = 0; cut < octets.length; cut++) {
      for (const { content } of open(unpacker, octets.subarray(0, cut)).entries) {
        // the last match may be made of bits that are not there
        const sound = decode(content).slice(0, Math.max(0, (content?.length ?? 0) - 300));
        assert.ok(TEXT.startsWith(sound));
      }
    }
  });
}

Deno.test("unbzip2(), unxz() and unlz4() join streams, and give what stands behind them", () => {
  for (const { unpacker, packed } of SAMPLES.filter(({ name }) => /^(xz|bzip2|lz4)$/.test(name))) {
    const one = octetsOf(packed);
    const { entries } = open(unpacker, Uint8Array.from([...one, ...one, 1, 2, 3, 4]));
    assert.deepEqual(entries.map((entry) => entry.content?.length), [2 * TEXT.length, 4]);
  }
});

const encode = (text: string) => new TextEncoder().encode(text);
const cpio = encode(
  `070701${"0".repeat(48)}00000005${"0".repeat(32)}0000000600000000a.txt\0hello\0\0\0` +
    `070701${"0".repeat(88)}0000000b00000000TRAILER!!!\0`,
);
const ar = encode(
  `!<arch>\n${"a.txt/".padEnd(48)}${"5".padEnd(10)}\`\nhello\n` +
    `${"#1/5".padEnd(48)}${"9".padEnd(10)}\`\nb.txtmore\n`,
);

Deno.test("uncpio() gives its files", () => {
  const { entries, notes } = open(uncpio, cpio);
  assert.deepEqual(entries.map(({ names, content }) => [names[0], decode(content)]), [[
    "a.txt",
    "hello",
  ]]);
  assert.deepEqual(notes, []);
});

Deno.test("unar() gives its files, by short names and by long ones", () => {
  const { entries } = open(unar, ar);
  assert.deepEqual(entries.map(({ names, content }) => [names[0], decode(content)]), [
    ["a.txt", "hello"],
    ["b.txt", "more"],
  ]);
});

const UNPACKERS = {
  unxz,
  unlzma,
  unlzip,
  unbzip2,
  uncompress,
  uncpio,
  unar,
  unrpm,
  unsevenzip,
  uncab,
  unszdd,
  unactivemime,
};
const seeds = [
  ...SAMPLES.map(({ packed }) => octetsOf(packed)),
  Uint8Array.from([0x1f, 0x9d, 0x90, ...encode("any codes at all, and more of them")]),
  Uint8Array.from([
    ...[0x4c, 0x5a, 0x49, 0x50, 1, 0x10],
    ...octetsOf(SAMPLES[1]?.packed ?? "").subarray(13),
  ]),
  cpio,
  ar,
  ...corpusFiles(
    "files/made/lzma2.7z",
    "files/made/plainhdr.7z",
    "files/made/mszip.cab",
    "files/made/e.co_",
    "files/made/e.com.Z",
    "files/made/editdata.mso",
    "files/made/p.rpm",
  ),
];
for (const [name, unpacker] of Object.entries(UNPACKERS)) {
  Deno.test(`${name}() never throws and stays within its output, whatever the octets`, () =>
    checkAnyOctets(unpacker, seeds));
}
