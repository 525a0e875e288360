/** Things made to use up time and memory are answered fast, in little memory, and never as clean. */
import assert from "node:assert/strict";
import { bombNames, scanBomb } from "./bombs.ts";

/** CPU time: the aim is 2 s (bench/bombs.sh); more on a machine that is slower. */
const MAX_CPU_MS = 4_000;
/** All of it is read, and nothing is in it. */
const HARMLESS = /^(30 MB of malformed|40,000 empty)/;
/** What the scan adds to the runtime, the program and the bomb. */
const MAX_OCTETS = 220 * 2 ** 20;

Deno.test({
  name: "scan() of bombs",
  ignore: Deno.build.os !== "linux", // where the peak of memory is read
  async fn(t) {
    const names = await bombNames();
    assert.ok(names.length >= 10);
    for (const name of names) {
      await t.step(name, async () => {
        const { status, cpuMs, slow, added } = await scanBomb(name);
        if (!HARMLESS.test(name)) assert.equal(status, "notScanned");
        assert.ok(cpuMs < MAX_CPU_MS * slow, `${cpuMs} ms, ${slow} times slower`);
        assert.ok(added < MAX_OCTETS, `${added / 2 ** 20} MiB`);
      });
    }
  },
});
