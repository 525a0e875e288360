import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCfg } from "./cfg.ts";

const cases: { name: string; text: string; want: Record<string, Record<string, string>> }[] = [
  {
    name: "reads integers, strings and yes/no",
    text: '[smtp]\nlisten_port = 2526\nserver_addr = "localhost"\nagent_enabled = yes\n',
    want: { smtp: { listen_port: "2526", server_addr: "localhost", agent_enabled: "yes" } },
  },
  {
    name: "takes bare strings as the manual's own [wwwi] example has them",
    text: "[wwwi]\r\nlisten_addr = 0.0.0.0   # all\r\nusername = name\r\n",
    want: { wwwi: { listen_addr: "0.0.0.0", username: "name" } },
  },
  {
    name: "keeps # and = inside quotes",
    text: '[smtp]\nas_eml_subject_prefix = "[#1 = SPAM] " # mark\n',
    want: { smtp: { as_eml_subject_prefix: "[#1 = SPAM] " } },
  },
  {
    name: "reads special sections",
    text: '[|sndrname1@sndrdomain1.com]\nparent_id = "black-list"\n[a@b.com|c@d.com]\n',
    want: {
      "|sndrname1@sndrdomain1.com": { parent_id: "black-list" },
      "a@b.com|c@d.com": {},
    },
  },
  {
    name: "skips defaults that are commented out",
    text: '[global]\n#av_update_username = ""\n',
    want: { global: {} },
  },
];
for (const { name, text, want } of cases) {
  Deno.test(`parseCfg() ${name}`, { permissions: "none" }, () => {
    const file = parseCfg(text);
    assert.deepEqual(file.problems, []);
    const got = Object.fromEntries(
      file.sections.map((s) => [
        s.name,
        Object.fromEntries(s.parameters.map((p) => [p.name, p.value])),
      ]),
    );
    assert.deepEqual(got, want);
  });
}

Deno.test(
  "parseCfg() keeps what it cannot read, with line and reason",
  { permissions: "none" },
  () => {
    const file = parseCfg('stray = 1\n[smtp]\nwhat is this\nserver_addr = "open\n');
    assert.deepEqual(file.problems.map((p) => [p.line, p.reason]), [
      [1, "stands before the first [section]"],
      [3, "neither [section] nor name = value"],
      [4, "the quoted text does not end where the line ends"],
    ]);
  },
);

Deno.test("parseCfg() accounts for each line of any text", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const file = parseCfg(text);
    const lines = text.split(/\r\n|\n|\r/).map((l) => l.replace(/^\uFEFF/, "").trim());
    const seen = new Set([
      ...file.problems.map((p) => p.line),
      ...file.sections.flatMap((s) => [s.line, ...s.parameters.map((p) => p.line)]),
    ]);
    for (const [i, line] of lines.entries()) {
      assert.equal(seen.has(i + 1), line !== "" && !line.startsWith("#"));
    }
  }));
});
