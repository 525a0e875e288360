import assert from "node:assert/strict";
import { checkConfig } from "./check_config.ts";

const ROWS: readonly [listen: string, address: string, own: boolean][] = [
  ["127.0.0.1:3310", "127.0.0.1:3310", true],
  ["127.0.0.1:3310", "localhost:3310", true],
  ["*:3310", "scanner.example.test:3310", true],
  ["[::1]:3310", "127.0.0.1:3310", true],
  ["unix:/run/a.sock", "unix:/run/a.sock", true],
  ["127.0.0.1:3310", "127.0.0.1:3311", false],
  ["127.0.0.1:3310", "192.0.2.1:3310", false],
  ["192.0.2.1:3310", "127.0.0.1:3310", false],
  ["unix:/run/a.sock", "unix:/run/b.sock", false],
  ["unix:/run/a.sock", "127.0.0.1:3310", false],
];

for (const [listen, address, own] of ROWS) {
  Deno.test(`an engine at ${address} ${own ? "is" : "is not"} the agent on ${listen}`, {
    permissions: "none",
  }, () => {
    const check = () =>
      checkConfig({
        agents: [{ agent: "clamd", listen }],
        engines: [{ engine: "clamd", address }],
      }, "postern.config.ts");
    if (!own) return void check();
    assert.throws(check, {
      code: "document/invalid",
      message:
        /^postern\.config\.ts: engines\[0\]\.address: names this gateway's own agent "clamd": /,
    });
  });
}
