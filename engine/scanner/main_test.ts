import assert from "node:assert/strict";
import { cLibrary } from "./landlock.ts";
import { FrameReader, writeFrames } from "./frames.ts";

const ENTRY = new URL("./entry.ts", import.meta.url);
const FIXTURE = new URL("../../tests/fixtures/scanner_worker.ts", import.meta.url);
const SETTINGS = {
  mode: "mail",
  antivirus: true,
  antispam: false,
  limits: { messageOctets: 1, depth: 1, files: 1, octets: 1, ratio: 1, timeMs: 1 },
};
const encode = (text: string) => new TextEncoder().encode(text);

// The system's own means (a signal when the parent dies) are not everywhere; these two are.
const ENDS = ["standard input", "socket"] as const;
for (const [message, ends] of [["clean", ENDS], ["loop", ENDS.slice(0, 1)]] as const) {
  for (const end of ends) {
    Deno.test(`runScanner() ends when the pool closes its ${end}, after a message that says "${message}"`, async () => {
      const directory = await Deno.makeTempDir();
      const path = `${directory}/socket`;
      using listener = Deno.listen({ transport: "unix", path });
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          ENTRY.pathname,
          path,
          FIXTURE.href,
          '{"files":[]}',
          "true",
          cLibrary() ?? "",
        ],
        stdin: "piped",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      try {
        using connection = await listener.accept();
        const reader = new FrameReader(connection);
        const read = async () => new TextDecoder().decode(await reader.read(100_000));
        assert.match(await read(), /^\{"hello":true,"kept":\[\],"refused":\[.*\]\}$/);
        const head = encode(JSON.stringify({ op: "scan", settings: SETTINGS }));
        await writeFrames(connection, head, encode(message));
        if (message === "clean") assert.match(await read(), /^\{"ok":"scan"/);
        if (end === "socket") connection.closeWrite();
        else await child.stdin.close();
        const status = await child.status;
        assert.deepEqual([status.code, status.signal], [0, null]);
      } finally {
        await child.stdin.close().catch(() => {});
        await child.stderr.cancel();
        await Deno.remove(directory, { recursive: true });
      }
    });
  }
}
