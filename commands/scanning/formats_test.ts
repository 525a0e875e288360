import assert from "node:assert/strict";
import * as fc from "fast-check";
import { FORMATTERS } from "./formats.ts";
import { type FileResult, Tally } from "./result.ts";

const infected: FileResult = {
  file: "/tmp/parts/p001",
  status: "infected",
  findings: [{ name: "Eicar-Test-Signature", part: "1.2/eicar.com", engine: "builtin" }],
  ms: 1.5,
};
const clean: FileResult = { file: "a", status: "clean", findings: [], ms: 1 };
const encrypted: FileResult = {
  file: "a",
  status: "notScanned",
  findings: [],
  notScanned: "encrypted",
  ms: 1,
};

/** amavis 2.13, conf.d/15-av_scanners, "ESET Software ESETS Command Line Interface", with its /m. */
const AMAVIS = /:\s*action="(?!accepted)[^"]*"\n.*:\s*virus="([^"]*)"/m;
/** haraka-plugin-esets 1.0.2. */
const HARAKA = /virus="([^"]+)"/;

/** As MailScanner's SweepViruses.pm reads a line of esets. */
function mailScanner(output: string): { file: string; threat: string; action: string }[] {
  return output.split("\n")
    .filter((line) =>
      /threat/i.test(line) && !/protected|archive damaged|error reading archive/.test(line)
    )
    .map((line) => {
      const [file = "", threat = "", action = ""] = line.split(",").map((each) =>
        /"(.*)"/.exec(each)?.[1] ?? ""
      );
      return { file, threat, action };
    });
}

Deno.test(
  "esets format is what amavis, Haraka and MailScanner read",
  { permissions: "none" },
  () => {
    const output = FORMATTERS.esets.file(infected);
    assert.equal(AMAVIS.exec(output)?.[1], "Eicar-Test-Signature");
    assert.equal(HARAKA.exec(output)?.[1], "Eicar-Test-Signature");
    assert.deepEqual(mailScanner(output), [
      { file: "/tmp/parts/p001", threat: "Eicar-Test-Signature", action: "retained" },
    ]);
  },
);

const quiet: { name: string; result: FileResult }[] = [
  { name: "a clean file", result: clean },
  { name: "a clean file named after threats", result: { ...clean, file: 'threat", virus="X' } },
  { name: "a file that was not scanned", result: { ...encrypted, file: "threat" } },
];
for (const { name, result } of quiet) {
  Deno.test(`esets format reports no virus for ${name}`, { permissions: "none" }, () => {
    const output = FORMATTERS.esets.file(result);
    assert.equal(AMAVIS.exec(output + FORMATTERS.esets.file(infected).split("\n")[0]), null);
    assert.equal(HARAKA.exec(output), null);
    assert.deepEqual(mailScanner(output), []);
  });
}

Deno.test("esets format keeps any name inside its field", { permissions: "none" }, () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (file, threat) => {
      const output = FORMATTERS.esets.file({
        ...infected,
        file,
        findings: [{ name: threat, part: "", engine: "x" }],
      });
      assert.equal(output.split("\n").length, 4);
      const [first] = mailScanner(output);
      assert.equal(first?.action, "retained");
      assert.notEqual(AMAVIS.exec(output), null);
    }),
  );
});

const clamscan: { name: string; result: FileResult; want: string }[] = [
  { name: "infected", result: infected, want: "/tmp/parts/p001: Eicar-Test-Signature FOUND\n" },
  { name: "clean", result: clean, want: "a: OK\n" },
  { name: "not scanned", result: encrypted, want: "a: Not scanned: encrypted ERROR\n" },
];
for (const { name, result, want } of clamscan) {
  Deno.test(`clamscan format says ${name}`, { permissions: "none" }, () => {
    assert.equal(FORMATTERS.clamscan.file(result), want);
  });
}

Deno.test("clamscan format ends with its summary", { permissions: "none" }, () => {
  const tally = new Tally();
  for (const result of [infected, clean, encrypted]) tally.add(result);
  assert.equal(
    FORMATTERS.clamscan.end(tally, 1234),
    "\n----------- SCAN SUMMARY -----------\nScanned files: 3\nInfected files: 1\nTotal errors: 1\nTime: 1.234 sec (0 m 1 s)\n",
  );
});

Deno.test(
  "json format is one object a line with just the fields promised",
  { permissions: "none" },
  () => {
    const line = FORMATTERS.json.file({ ...infected, file: "a\nb", spam: { score: 7 } });
    assert.match(line, /^[^\n]+\n$/);
    assert.deepEqual(JSON.parse(line), {
      file: "a\nb",
      status: "infected",
      findings: [{ name: "Eicar-Test-Signature", part: "1.2/eicar.com", engine: "builtin" }],
      spam: { score: 7 },
      ms: 1.5,
    });
  },
);

Deno.test("text format shows no control character of a name", { permissions: "none" }, () => {
  const line = FORMATTERS.text.file({ ...clean, file: "a\u001b[2J\nb: infected" });
  assert.equal(line, "a\\u{1b}[2J\\u{a}b: infected: clean\n");
});
