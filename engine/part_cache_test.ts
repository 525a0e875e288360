/** What is remembered of parts never makes a verdict differ. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { EICAR, mail } from "../tests/mail.ts";
import { zipOf } from "./clean/testing/archives.ts";
import { builtinModules } from "./detect/modules.ts";
import { PartCache } from "./part_cache.ts";
import { scan, scanRemembering } from "./scan.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import type { ScanSettings, Verdict } from "./types.ts";

const MODULES = builtinModules();
const TOOLS = { sevenZip: loadSevenZip() };
const CORPUS = new URL("../../shared/corpus/files/", import.meta.url);
const SETTINGS: ScanSettings = {
  mode: "mail",
  antivirus: true,
  antispam: true,
  limits: { messageOctets: 1e7, depth: 10, files: 500, octets: 2e7, ratio: 250, timeMs: 60_000 },
};

/** Everything but what the clock says. */
function told({ costs: _, usage, ...rest }: Verdict): string {
  return JSON.stringify({ ...rest, usage: { ...usage, timeMs: 0 } });
}

const noise = (size: number, seed: number) =>
  new Uint8Array(size).map((_, i) => Math.imul(i + seed, 2654435761) >>> 23);
const big = Buffer.alloc(4000, "a line of text\r\n");
const eicar = Buffer.from(EICAR);

const zip = (files: readonly (readonly [name: string, content: Uint8Array])[]) =>
  zipOf(files.map(([name, content]) => ({ name, content })));

/** Contents that parts are made of: plain ones, archives that share entries, things found, things that cannot be looked at. */
const CONTENTS: readonly Uint8Array[] = [
  big,
  noise(5000, 1),
  zip([["a.txt", big], ["b.bin", noise(3000, 2)]]),
  zip([["a.txt", big], ["c.com", eicar]]),
  zip([["x.zip", zip([["c.com", eicar], ["b.bin", noise(3000, 2)]])], ["d", noise(2500, 3)]]),
  zip([["same", noise(2500, 4)], ["same", noise(2500, 5)], ["SAME", noise(2500, 4)]]),
  gzipSync(Buffer.concat([big, noise(3000, 6)])),
  Buffer.concat([Buffer.from("<html><script>"), big, Buffer.from("</script></html>")]),
  mail("inner@test", {
    attachments: [{ name: "z.zip", content: zip([["c.com", eicar]]) }],
    body: big.toString(),
  }),
  zip([["mail.eml", mail("deep@test", { body: big.toString() })], ["r", noise(2300, 8)]]),
  eicar,
  Buffer.concat([noise(2100, 9), zip([["tail.com", eicar]])]),
  zip(Array.from({ length: 40 }, (_, i) => [`f${i}`, noise(200, i)] as const)),
];

/** Files of the corpus of which there is something to see. */
function corpus(): readonly Uint8Array[] {
  const files: Uint8Array[] = [];
  const walk = (directory: URL) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory) walk(new URL(`${name}/`, directory));
      else {
        const url = new URL(encodeURIComponent(name), directory);
        const { size } = Deno.statSync(url);
        if (size >= 2048 && size < 120_000) files.push(Deno.readFileSync(url));
      }
    }
  };
  try {
    walk(CORPUS);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

const NAMES = ["a.zip", "b.bin", "report.pdf.exe", "x.txt", "letter.doc"];
const part = fc.record({
  content: fc.nat({ max: CONTENTS.length - 1 }),
  name: fc.nat({ max: NAMES.length - 1 }),
});
const message = fc.record({
  parts: fc.array(part, { minLength: 1, maxLength: 4 }),
  body: fc.constantFrom("short\r\n", big.toString(), "the password is infected\r\n".repeat(200)),
});
const limits = fc.record({
  depth: fc.constantFrom(1, 2, 3, 10),
  files: fc.constantFrom(3, 8, 500),
  octets: fc.constantFrom(9000, 30_000, 100_000, 2e7),
  ratio: fc.constantFrom(2, 250),
});

Deno.test("a scan with remembered parts gives the verdict that one without gives", () => {
  let hits = 0;
  fc.assert(
    fc.property(fc.array(message, { minLength: 2, maxLength: 6 }), limits, (messages, own) => {
      const cache = new PartCache();
      const settings = { ...SETTINGS, limits: { ...SETTINGS.limits, ...own } };
      for (const { parts, body } of messages) {
        const octets = mail("m@test", {
          body,
          attachments: parts.map(({ content, name }) => ({
            name: NAMES[name]!,
            content: CONTENTS[content]!,
          })),
        });
        const plain = scan(octets, settings, MODULES, TOOLS);
        for (let times = 0; times < 2; times++) {
          assert.equal(told(scanRemembering(octets, settings, MODULES, TOOLS, cache)), told(plain));
        }
      }
      hits += cache.counters.hits;
    }),
    { numRuns: 150 },
  );
  assert.ok(hits > 500, `${hits} parts were remembered`);
});

const attached = (contents: readonly Uint8Array[], body = "short\r\n") =>
  mail("m@test", {
    body,
    attachments: contents.map((content) => ({ name: "n", content })),
  });
/** A message in a message. */
const forwarded = (message: Uint8Array) =>
  Buffer.concat([
    Buffer.from(
      "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n" +
        "--zz\r\nContent-Type: message/rfc822\r\n\r\n",
    ),
    message,
    Buffer.from("\r\n--zz--\r\n"),
  ]);
const nested = zip([["in.zip", zip([["n", noise(3000, 20)]])], ["m", noise(2500, 21)]]);
const shared = zip([["s", noise(3000, 22)], ["only.com", eicar]]);
const alsoShared = zip([["t", noise(3000, 22)], ["u", noise(2500, 23)]]);
const repeats = zip([["v", zip([["w", noise(2500, 24)]])], ["x", noise(2600, 25)]]);
const many = zip(Array.from({ length: 30 }, (_, i) => [`f${i}`, noise(200, 30 + i)] as const));
const tight = zip([["zeros", new Uint8Array(900_000)], ["y", noise(2400, 26)]]);

/** Where what is around a part decides what is found in it: the part must not be taken from memory. */
const AROUND: readonly {
  readonly what: string;
  readonly messages: readonly Uint8Array[];
  readonly limits?: Partial<ScanSettings["limits"]>;
}[] = [
  {
    what: "an entry seen before",
    messages: [attached([alsoShared]), attached([shared, alsoShared])],
  },
  {
    what: "recorded beside such an entry",
    messages: [attached([shared, alsoShared]), attached([alsoShared])],
  },
  {
    what: "an archive that another part holds",
    messages: [attached([repeats]), attached([zip([["w", noise(2500, 24)]]), repeats])],
  },
  {
    what: "one level deeper, over the limit",
    messages: [attached([nested]), forwarded(attached([nested]))],
    limits: { depth: 2 },
  },
  {
    what: "files over the limit",
    messages: [attached([many]), attached([noise(2100, 40), zip([["q", big]]), many])],
    limits: { files: 34 },
  },
  {
    what: "octets over the limit",
    messages: [attached([many, big]), attached([many], big.toString().repeat(20))],
    limits: { octets: 100_000 },
  },
  {
    what: "octets over the limit, with a preview of what is too large",
    messages: [attached([tight]), attached([tight], big.toString().repeat(60))],
    limits: { octets: 1_200_000 },
  },
];

for (const { what, messages, limits: own } of AROUND) {
  Deno.test(`a part is looked at again for what is around it: ${what}`, () => {
    const settings = { ...SETTINGS, limits: { ...SETTINGS.limits, ...own } };
    const cache = new PartCache();
    for (const message of [...messages, ...messages.toReversed()]) {
      const plain = scan(message, settings, MODULES, TOOLS);
      assert.equal(told(scanRemembering(message, settings, MODULES, TOOLS, cache)), told(plain));
    }
  });
}

Deno.test("files of the corpus are remembered as they were found", () => {
  const files = corpus();
  const cache = new PartCache({ parts: 10_000, characters: 1 << 26 });
  for (const [i, content] of files.entries()) {
    if (i % 3 !== 0) continue; // enough to meet every format
    for (const [id, body] of [["a@test", "one\r\n"], ["b@test", big.toString()]] as const) {
      const octets = mail(id, {
        body,
        attachments: [{ name: "first", content }, { name: "n", content: big }],
      });
      const settings = { ...SETTINGS, limits: { ...SETTINGS.limits, octets: 1e8 } };
      assert.equal(
        told(scanRemembering(octets, settings, MODULES, TOOLS, cache)),
        told(scan(octets, settings, MODULES, TOOLS)),
      );
    }
  }
  if (files.length > 0) assert.ok(cache.counters.hits > 20, `${cache.counters.hits}`);
});

Deno.test("PartCache keeps what was used last, within its bounds", () => {
  const record = (path: string) => ({
    path,
    depth: 0,
    paths: [],
    reports: [],
    findings: [],
    symptoms: [],
    seen: [],
    files: 0,
    octets: 0,
    began: 0,
    reach: 0,
    deepest: 0,
  });
  const cache = new PartCache({ parts: 3, characters: 100_000 });
  for (const key of ["a", "b", "c"]) cache.set(key, record(key));
  cache.get("a");
  cache.set("d", record("d"));
  assert.deepEqual(["a", "b", "c", "d"].map((key) => cache.get(key)?.path), [
    "a",
    undefined,
    "c",
    "d",
  ]);
  const small = new PartCache({ parts: 100, characters: 2000 });
  for (let i = 0; i < 50; i++) small.set(`k${i}`, record(`p${i}`));
  assert.ok(small.size < 12 && small.size > 3, `${small.size}`);
  small.set("large", {
    ...record("x"),
    seen: Array(20).fill({ sha256: "", report: 0, from: 0, to: 0 }),
  });
  assert.equal(small.get("large"), undefined);
});
