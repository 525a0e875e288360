/** A thousand clients that say nothing and two hundred that ask: of the gates that other programs ask for advice. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RawClient, talk } from "../agents/testing/raw_client.ts";
import { Gateway } from "./gateway.ts";
import { mail } from "./mail.ts";
import { pss } from "./processes.ts";

const IDLE = 1000;
const ACTIVE = 200;
/** What the idle clients may cost, octets each: a buffer, a decoder, the runtime's own. */
const MAX_EACH = 100 * 1024;

const MESSAGE = Buffer.from(mail("load@test"));

/** A whole request of each protocol, and what its answer holds. */
const REQUESTS = {
  clamd: () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(MESSAGE.length);
    const all = [Buffer.from("zINSTREAM\0"), head, MESSAGE, Buffer.alloc(4)];
    return { octets: Buffer.concat(all), answer: /^stream: OK\0$/ };
  },
  spamd: () => ({
    octets: Buffer.from(
      `CHECK SPAMC/1.5\r\nContent-length: ${MESSAGE.length}\r\n\r\n${MESSAGE.toString()}`,
    ),
    answer: /Spam: False/,
  }),
  rspamd: () => ({
    octets: Buffer.from(
      `POST /checkv2 HTTP/1.0\r\nContent-Length: ${MESSAGE.length}\r\n\r\n${MESSAGE.toString()}`,
    ),
    answer: /"no action"/,
  }),
} as const;

for (const agent of ["clamd", "spamd", "rspamd"] as const) {
  Deno.test(`attack 12: ${agent} serves ${ACTIVE} clients beside ${IDLE} that say nothing`, async () => {
    await using gateway = await Gateway.start({
      agents: { [agent]: { agent, limits: { sessions: IDLE + ACTIVE } } },
      policy: {},
    });
    const address = `127.0.0.1:${gateway.port(agent)}`;
    const memory = async () => await pss((await gateway.tree()).map(({ pid }) => pid));
    const { octets, answer } = REQUESTS[agent]();
    assert.match(await talk(address, octets), answer);
    const before = await memory();
    const idle: RawClient[] = [];
    try {
      for (let i = 0; i < IDLE; i++) idle.push(await RawClient.connect(address));
      const began = performance.now();
      const answers = await Promise.all(
        Array.from({ length: ACTIVE }, () => talk(address, octets)),
      );
      const ms = performance.now() - began;
      for (const each of answers) assert.match(each, answer);
      const grown = await memory() - before;
      console.log(
        `${agent}: ${IDLE} idle, ${ACTIVE} served in ${ms.toFixed(0)} ms, ` +
          `${(grown / 2 ** 20).toFixed(0)} MiB more than before`,
      );
      assert.ok(grown < IDLE * MAX_EACH, `${grown} octets for ${IDLE} idle clients`);
    } finally {
      for (const each of idle) each[Symbol.dispose]();
    }
  });
}
