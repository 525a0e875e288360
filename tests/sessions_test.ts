/** A thousand sessions that wait and two hundred that work, at the gates that mail itself passes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loadMessage } from "../bench/load.ts";
import { GATES } from "../bench/session_gates.ts";
import { Gateway } from "./gateway.ts";
import { pss } from "./processes.ts";

const IDLE = 1000;
const ACTIVE = 200;
/** Sessions that begin at once: fewer than the kernel keeps until they are accepted. */
const AT_ONCE = 50;
/** What an idle session may cost, octets: it measures 16 to 44 KiB. */
const MAX_EACH = 100 * 1024;

for (const name of ["smtp", "pop3", "imap", "milter"] as const) {
  Deno.test({
    name: `attack 12: ${name} serves ${ACTIVE} sessions beside ${IDLE} that wait`,
    fn: async () => {
      const { octets, slot } = loadMessage(2000);
      const gate = await GATES[name]!({
        octets: Buffer.from(octets),
        slot,
        active: ACTIVE,
        limit: 2 * (IDLE + ACTIVE),
      });
      await using gateway = await Gateway.start({ agents: { [name]: gate.agent } });
      const port = gateway.port(name);
      const held = async () => await pss((await gateway.tree()).map(({ pid }) => pid));
      await gate.whole(port, 0); // what is loaded at the first message is no session's
      const before = await held();
      const waiting: (() => void)[] = [];
      try {
        while (waiting.length < IDLE) {
          const some = Array.from(
            { length: AT_ONCE },
            (_, i) => gate.idle(port, waiting.length + i),
          );
          waiting.push(...await Promise.all(some));
        }
        const grown = await held() - before;
        const began = performance.now();
        await Promise.all(Array.from({ length: ACTIVE }, (_, i) => gate.whole(port, i + 1)));
        const ms = performance.now() - began;
        console.log(
          `${name}: ${IDLE} wait with ${(grown / IDLE / 1024).toFixed(0)} KiB each, ` +
            `${ACTIVE} served in ${ms.toFixed(0)} ms`,
        );
        assert.ok(grown < IDLE * MAX_EACH, `${grown} octets for ${IDLE} idle sessions`);
      } finally {
        for (const end of waiting) end();
        gate.close?.();
      }
    },
  });
}
