import assert from "node:assert/strict";
import fc from "fast-check";
import { ModuleBuild } from "./module_build.ts";
import { openModules } from "./modules.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function modules(): readonly Uint8Array[] {
  const build = new ModuleBuild();
  build.add("a.hdb", encode(`${"a".repeat(32)}:5:A\n`));
  build.add("a.hsb", encode(`${"b".repeat(64)}:*:B:73\n`));
  build.add("a.fp", encode(`${"c".repeat(32)}:5:C\n`));
  build.add("a.mdb", encode(`5:${"d".repeat(32)}:D\n`));
  build.add("a.ndb", encode("E:0:*:6162636465666768(69|6a)*6b6c\nF:0:*:3132\n"));
  build.add("a.ldb", encode("G;Target:0,Container:CL_TYPE_ZIP;0&1;616263;6465::i\n"));
  build.add("a.cdb", encode("H:*:*:x:*:*:*:*:*:*\n"));
  return build.finish(0).map(({ octets }) => octets);
}

Deno.test("openModules() opens each kind and runs its self-test", () => {
  const { info } = openModules(modules());
  assert.deepEqual(info.map(({ name, count }) => [name, count]), [
    ["builtin", 2],
    ["hashes", 2],
    ["good", 1],
    ["sections", 1],
    ["patterns", 3],
    ["containers", 1],
  ]);
});

Deno.test("openModules() says of a module of another version to build it again", () => {
  const [octets = new Uint8Array()] = modules();
  octets[7] = "1".charCodeAt(0);
  assert.throws(() => openModules([octets]), { code: "module/damaged", message: /build .* again/ });
});

Deno.test("openModules() refuses a module cut anywhere", () => {
  for (const octets of modules()) {
    for (let end = 0; end < octets.length - 8; end += end < 64 ? 1 : 97) {
      assert.throws(() => openModules([octets.slice(0, end)]), { code: "module/damaged" });
    }
  }
});

Deno.test("openModules() refuses modules with a wrong octet, or finds by them without fault", () => {
  const whole = modules();
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(), fc.nat(255), (which, where, value) => {
      const octets = (whole[which] ?? new Uint8Array()).slice();
      octets[where % octets.length] = value;
      try {
        const opened = openModules([octets]);
        for (const set of opened.patterns) set.search(encode("abcdefghi  kl 12"), "text");
      } catch (error) {
        assert.equal((error as { code?: string }).code, "module/damaged");
      }
    }),
    { numRuns: 400 },
  );
});
