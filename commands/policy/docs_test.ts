/** Runs the examples of docs/policy.md: each document is checked and type-checked, each test run, each command's output compared. */
import assert from "node:assert/strict";
import { Workplace } from "./testing/program.ts";

const ROOT = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/policy.md", ROOT));

/** What one section has. */
interface Section {
  readonly title: string;
  readonly files: Record<string, string>;
  /** Commands and what they print, `…` for anything. */
  readonly commands: { readonly command: string; readonly output: string }[];
}

function sections(markdown: string): Section[] {
  const found: Section[] = [];
  for (const part of markdown.split(/^## /m).slice(1)) {
    const section: Section = { title: part.slice(0, part.indexOf("\n")), files: {}, commands: [] };
    for (const [, info, text] of part.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)) {
      const [language, name] = info!.split(" ");
      if (language === "ts") {
        assert.ok(name !== undefined, `an example of "${section.title}" has no file name`);
        assert.ok(!(name in section.files), `${name} is twice in "${section.title}"`);
        section.files[name] = text!;
      } else if (language === "console") {
        for (const block of text!.split(/^\$ /m).slice(1)) {
          const end = block.indexOf("\n");
          section.commands.push({ command: block.slice(0, end), output: block.slice(end + 1) });
        }
      }
    }
    if (Object.keys(section.files).length > 0) found.push(section);
  }
  return found;
}

/** A text in which `…` stands for any characters. */
function pattern(text: string): RegExp {
  const quoted = text.split("…").map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${quoted.join(".*?")}$`, "s");
}

const examples = sections(page);

Deno.test("docs/policy.md has examples", () => {
  assert.ok(examples.length >= 6);
  for (const { title, files } of examples) {
    assert.ok("policy.ts" in files, `"${title}" has no policy.ts`);
    assert.ok("policy.policy-test.ts" in files, `"${title}" has no test of its policy`);
  }
});

for (const { title, files, commands } of examples) {
  Deno.test(`docs/policy.md: ${title}`, async () => {
    await using place = await Workplace.create(files);
    const checked = await place.postern("policy", "check", "policy.ts");
    assert.equal(checked.status, 0, checked.out + checked.error);
    const tested = await place.postern("policy", "test", ".");
    assert.equal(tested.status, 0, tested.out + tested.error);
    for (const { command, output } of commands) {
      const [program, ...args] = words(command);
      const ran = program === "postern"
        ? await place.postern(...args)
        : await place.run(program!, args);
      assert.match(ran.out + ran.error, pattern(output), `$ ${command}\n${ran.out}${ran.error}`);
    }
  });
}

/** Words of a command line; quotes keep blanks together. */
function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
}

Deno.test("docs/policy.md: all examples are of the types that an editor sees", async () => {
  await using place = await Workplace.create();
  for (const [i, { files }] of examples.entries()) {
    await place.write(
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`${i}/${name}`, text])),
    );
  }
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const documents = examples.flatMap(({ files }, i) =>
    Object.keys(files).map((name) => `${i}/${name}`)
  );
  const makers = ["policy/define.ts", "policy/test_document.ts"];
  await place.write({
    // What mod.ts gives documents; the rest of it is not asked here.
    "postern.ts": makers.map((path) => `export * from "${new URL(path, ROOT).href}";\n`).join(""),
    "deno.json": JSON.stringify({
      imports: { ...imports, postern: "./postern.ts" },
      compilerOptions: { strict: true, exactOptionalPropertyTypes: true },
    }),
  });
  const ran = await place.run(Deno.execPath(), ["check", "--quiet", "--no-lock", ...documents]);
  assert.equal(ran.status, 0, ran.error);
});
