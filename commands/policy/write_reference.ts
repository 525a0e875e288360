/** Writes the generated reference into docs/policy.md: `deno run -A commands/policy/write_reference.ts`. */
import { withReference } from "./reference_page.ts";

const path = new URL("../../docs/policy.md", import.meta.url);
await Deno.writeTextFile(path, withReference(await Deno.readTextFile(path)));
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["fmt", "--quiet", path.pathname],
}).output();
if (!success) Deno.exit(1);
