import assert from "node:assert/strict";
import { comparableName, hasDirectionMark } from "./names.ts";

const rows: [string, string][] = [
  ["Tool.EXE", "tool.exe"],
  ["tool.exe . . ", "tool.exe"],
  ["tool.exe\0.txt", "tool.exe.txt"],
  ["..\\..\\tool.exe", "tool.exe"],
  ["a/b/tool.exe", "tool.exe"],
  ["gpj\u202eexe.scr", "gpjexe.scr"],
  ["to\u200bol\u00ad.exe", "tool.exe"],
  ["tool.exe::$DATA", "tool.exe"],
  ["ｔｏｏｌ．ｅｘｅ", "tool.exe"],
  ["too\tl.exe", "tool.exe"],
  ["", ""],
];
for (const [name, want] of rows) {
  Deno.test(`comparableName() of ${JSON.stringify(name)}`, { permissions: "none" }, () => {
    assert.equal(comparableName(name), want);
    assert.equal(comparableName(want), want);
  });
}

Deno.test("hasDirectionMark() sees marks that turn text", { permissions: "none" }, () => {
  assert.ok(hasDirectionMark("gpj\u202eexe.scr"));
  assert.ok(!hasDirectionMark("tool.exe"));
});
