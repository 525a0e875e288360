import assert from "node:assert/strict";
import { withReference } from "./reference_page.ts";

/** The formatter breaks lines and pads cells; what they say is what counts. */
const words = (page: string) => page.replace(/-{3,}/g, "---").split(/\s+/).join(" ");

Deno.test("docs/policy.md holds the reference as the schema has it", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/policy.md", import.meta.url));
  assert.equal(
    words(page),
    words(withReference(page)),
    "run: deno run -A commands/policy/write_reference.ts",
  );
});
