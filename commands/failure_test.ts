import assert from "node:assert/strict";
import { PosternError } from "../errors.ts";
import { describe } from "./failure.ts";

const system = new Deno.errors.NotFound("No such file or directory (os error 2): open '/a b/c'");

const rows: { name: string; error: unknown; want: string }[] = [
  {
    name: "names the path where the system's error is all that there is",
    error: system,
    want: "/a b/c: No such file or directory",
  },
  {
    name: "leaves the path to our sentence",
    error: new PosternError("store/failed", "Cannot open the store /a b/c", { cause: system }),
    want: "Cannot open the store /a b/c: No such file or directory",
  },
  {
    name: "says no reason twice",
    error: new PosternError("wire/closed", "Cannot listen: Address already in use", {
      cause: new Error("Address already in use (os error 98)"),
    }),
    want: "Cannot listen: Address already in use",
  },
];
for (const { name, error, want } of rows) {
  Deno.test(
    `describe() ${name}`,
    { permissions: "none" },
    () => assert.equal(describe(error), want),
  );
}
