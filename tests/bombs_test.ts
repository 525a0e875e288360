/** Things made to use up time and memory are answered fast, in little memory, and never as clean. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("fixtures/bomb_scan.ts", import.meta.url));
/** The aim is 2 s on a machine with nothing else to do. Tests run beside each other. */
const MAX_MS = 8_000;
const MAX_OCTETS = 200 * 2 ** 20;

async function run(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc", CHILD, ...args],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  assert.ok(success, args.join());
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "scan() of bombs",
  ignore: Deno.build.os !== "linux", // where the peak of memory is read
  async fn(t) {
    const names: readonly string[] = JSON.parse(await run());
    assert.ok(names.length >= 10);
    for (const name of names) {
      await t.step(name, async () => {
        const result: {
          status: string;
          notScanned: readonly string[];
          ms: number;
          peak: number;
        } = JSON.parse(await run(name));
        assert.equal(result.status, "notScanned");
        assert.ok(result.ms < MAX_MS, `${result.ms} ms`);
        assert.ok(result.peak < MAX_OCTETS, `${result.peak / 2 ** 20} MiB`);
      });
    }
  },
});
